-- Which indexes does the timeline have?
select indexname, indexdef
from pg_indexes
where tablename = 'customer_activity_timeline';
