-- Are the indexes used? (The guide's query names a column that PostgreSQL calls relname.)
select
    schemaname,
    relname,
    indexrelname,
    idx_scan as index_scans,
    idx_tup_read as tuples_read,
    idx_tup_fetch as tuples_fetched
from pg_stat_user_indexes
where relid in (to_regclass('public.customer_activity_timeline'), to_regclass(/* slot customers_literal */ 'public.customers'))
order by idx_scan desc;
