-- What may the role, or the owner of the customers as whom the migrations create everything, not do?
with roles as (
    select
        c.relowner as owner_id,
        quote_ident(pg_get_userbyid(c.relowner)) as owner,
        quote_ident(current_user) as me,
        case
            -- since PostgreSQL 16 a member may be one without the right to take the role on
            when current_setting('server_version_num')::integer >= 160000
                then pg_has_role(c.relowner, 'set')
            else pg_has_role(c.relowner, 'member')
        end as may_become_owner
    from pg_catalog.pg_class as c
    where c.oid = to_regclass(%(customers)s)
)

select format(
    'role %s does not own table %s, and may not become its owner %s; run "grant %3$s to %1$s", or apply as %3$s',
    r.me,
    %(customers)s,
    r.owner
) as problem
from roles as r
where not r.may_become_owner
union all
-- also where schema rfm is there already: PostgreSQL asks for the right before it looks
select format(
    'role %s may not create schema rfm; run "grant create on database %I to %1$s"', r.me, current_database()
)
from roles as r
where not has_database_privilege(current_database(), 'create')
union all
select format(
    'schema rfm belongs to role %s, whose rights role %s does not have; run "grant %1$s to %2$s", or apply as %1$s',
    quote_ident(pg_get_userbyid(n.nspowner)),
    r.me
)
from roles as r
inner join pg_catalog.pg_namespace as n on n.nspname = 'rfm'
where not pg_has_role(n.nspowner, 'usage')
union all
select distinct format(
    'role %s, the owner of %s, may not create anything in schema %I; run "grant usage, create on schema %3$I to %1$s"',
    r.owner,
    %(customers)s,
    n.nspname
)
from roles as r
inner join pg_catalog.pg_namespace as n
    on
        n.nspname = 'public'
        or n.oid in (
            select c.relnamespace
            from unnest(array_prepend(%(customers)s, %(orders)s::text[])) as t (name)
            inner join pg_catalog.pg_class as c on c.oid = to_regclass(t.name)
        )
where
    not has_schema_privilege(r.owner_id, n.oid, 'create')
    or not has_schema_privilege(r.owner_id, n.oid, 'usage');
