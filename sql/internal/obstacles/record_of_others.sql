-- Which schema rfm, or record in it, belongs to a role that could make us run its code, or read a false mapping?
with trusted as (
    select r.oid
    from pg_catalog.pg_roles as r
    where
        r.rolsuper
        or r.rolname = current_user
        or r.rolname = 'pg_database_owner'
        or r.oid = (select d.datdba from pg_catalog.pg_database as d where d.datname = current_database())
        or r.oid = (select c.relowner from pg_catalog.pg_class as c where c.oid = to_regclass(%(customers)s))
),

objects as (
    select 'schema rfm' as name, n.nspowner as owner
    from pg_catalog.pg_namespace as n
    where n.nspname = 'rfm'
    union all
    select 'table rfm.' || c.relname, c.relowner
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = 'rfm' and c.relname in ('applied_migrations', 'mapping')
)

select format(
    '%s belongs to role %s, which is not %s, a superuser, or the owner of the database or of %s;'
    ' run "alter %1$s owner to %3$I" if rfm created it, and drop it if not',
    o.name,
    quote_ident(pg_get_userbyid(o.owner)),
    current_user,
    %(customers)s
) as problem
from objects as o
where o.owner not in (select t.oid from trusted as t);
