-- No API role can read the materialized timeline: row-level security cannot filter it.
select
    count(*) = 0 as passed,
    coalesce('readable by ' || string_agg(r.rolname, ', ' order by r.rolname), 'owner and service_role alone') as found
from pg_catalog.pg_roles as r
where
    r.rolname in ('anon', 'authenticated')
    and has_table_privilege(r.rolname, 'public.customer_activity_timeline', 'select');
