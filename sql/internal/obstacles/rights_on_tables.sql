-- Which tables belong to a role whose rights the owner of the customers, or the current role, does not have?
with tables as (
    select
        t.name,
        c.relowner as owner_id,
        quote_ident(pg_get_userbyid(c.relowner)) as owner,
        k.relowner as customers_owner_id,
        quote_ident(pg_get_userbyid(k.relowner)) as customers_owner,
        c.relforcerowsecurity
    from unnest(%(tables)s::text[]) as t (name)
    inner join pg_catalog.pg_class as c on c.oid = to_regclass(t.name)
    inner join pg_catalog.pg_class as k on k.oid = to_regclass(%(customers)s)
)

select format(
    'table %s belongs to role %s, whose rights role %s, the owner of %s, does not have;'
    ' run "grant %2$s to %3$s" or "alter table %1$s owner to %3$s"',
    t.name,
    t.owner,
    t.customers_owner,
    %(customers)s
) as problem
from tables as t
where not pg_has_role(t.customers_owner_id, t.owner_id, 'usage')
union all
-- the index on orders is built by the role itself, outside of a transaction
select format(
    'role %I does not own table %s; run "grant %s to %1$I", or apply as %3$s', current_user, t.name, t.owner
)
from tables as t
where t.name = any(%(orders)s::text[]) and not pg_has_role(t.owner_id, 'usage')
union all
select format(
    'table %s forces row-level security on its owner, and role %s would see too few rows for true scores;'
    ' run "alter role %2$s bypassrls" or "alter table %1$s no force row level security"',
    t.name,
    t.customers_owner
)
from tables as t
inner join pg_catalog.pg_roles as r on r.oid = t.customers_owner_id
where t.relforcerowsecurity and not (r.rolsuper or r.rolbypassrls);
