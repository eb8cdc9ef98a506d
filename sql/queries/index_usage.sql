-- Are the indexes used? (pg_stat_user_indexes calls a table's name relname and an index's indexrelname.)
select
    schemaname,
    relname,
    indexrelname,
    idx_scan as index_scans,
    idx_tup_read as tuples_read,
    idx_tup_fetch as tuples_fetched
from pg_stat_user_indexes
where relname in ('customer_activity_timeline', 'customers')
order by idx_scan desc;
