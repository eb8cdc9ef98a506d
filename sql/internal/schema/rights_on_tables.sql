-- Does the role own these tables, and does row-level security hold for it?
select
    n.name as table_name,
    current_user as role_name,
    pg_has_role(c.relowner, 'usage') as owned,
    c.relforcerowsecurity and not (r.rolsuper or r.rolbypassrls) as forced
from unnest(cast(%(tables)s as text[])) as n (name)
inner join pg_catalog.pg_class as c on c.oid = to_regclass(n.name)
inner join pg_catalog.pg_roles as r on r.rolname = current_user
where c.relkind in ('r', 'p')
order by n.name;
