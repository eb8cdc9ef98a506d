-- How often was the timeline rewritten? (The guide's matviewname is relname here.)
select schemaname, relname, last_autovacuum, n_tup_ins, n_tup_upd, n_tup_del
from pg_stat_user_tables
where relname = 'customer_activity_timeline';
