-- How large is the timeline with its indexes?
select
    schemaname,
    matviewname,
    pg_size_pretty(pg_total_relation_size(format('%I.%I', schemaname, matviewname)::regclass)) as size
from pg_matviews
where matviewname = 'customer_activity_timeline';
