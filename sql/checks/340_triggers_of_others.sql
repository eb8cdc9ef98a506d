-- Nobody but the owner, the service and superusers can put a trigger on customers or orders.
select
    count(*) = 0 as passed,
    coalesce(string_agg(r.rolname || ' on ' || c.relname, ', ' order by r.rolname, c.relname), 'nobody else') as found
from pg_catalog.pg_roles as r
inner join pg_catalog.pg_class as c on c.oid in (to_regclass('public.customers'), to_regclass('public.orders'))
where r.rolname in ('anon', 'authenticated') and has_table_privilege(r.oid, c.oid, 'trigger');
