-- Was the materialized view created, and who owns it?
select schemaname, matviewname, matviewowner
from pg_matviews
where matviewname = 'customer_activity_timeline';
