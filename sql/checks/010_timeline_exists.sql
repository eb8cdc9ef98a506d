-- The timeline exists and belongs to the role that applied it, to no API role.
select
    coalesce(bool_and(m.matviewowner not in ('anon', 'authenticated', 'service_role')), false) as passed,
    coalesce(min('owner ' || m.matviewowner), 'no such materialized view') as found
from pg_catalog.pg_matviews as m
where m.schemaname = 'public' and m.matviewname = 'customer_activity_timeline';
