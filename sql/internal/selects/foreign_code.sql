-- Which functions, operators and views does the probe use that somebody may change who is not trusted with it?
-- They run as the owner of the customers. Trusted are superusers, members of that role, and extensions.
with recursive views as (
    select 'public.rfm_probe'::regclass::oid as relation
    union
    select d.refobjid
    from views as v
    inner join pg_catalog.pg_rewrite as w on w.ev_class = v.relation
    inner join pg_catalog.pg_depend as d
        on
            d.classid = 'pg_catalog.pg_rewrite'::regclass
            and d.objid = w.oid
            and d.refclassid = 'pg_catalog.pg_class'::regclass
),

uses as (
    select d.refclassid, d.refobjid, coalesce(p.proowner, o.oprowner, c.relowner) as owner
    from views as v
    inner join pg_catalog.pg_rewrite as w on w.ev_class = v.relation
    inner join pg_catalog.pg_depend as d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid
    left join pg_catalog.pg_proc as p
        on d.refclassid = 'pg_catalog.pg_proc'::regclass and p.oid = d.refobjid
    left join pg_catalog.pg_operator as o
        on d.refclassid = 'pg_catalog.pg_operator'::regclass and o.oid = d.refobjid
    left join pg_catalog.pg_class as c
        on d.refclassid = 'pg_catalog.pg_class'::regclass and c.oid = d.refobjid and c.relkind in ('v', 'm')
)

select distinct
    pg_describe_object(u.refclassid, u.refobjid, 0) as name,
    quote_ident(pg_get_userbyid(u.owner)) as owner,
    quote_ident(current_user) as trusted
from uses as u
where
    u.owner is not null
    and not pg_has_role(u.owner, to_regrole(quote_ident(current_user))::oid, 'member')
    and not exists (
        select
        from pg_catalog.pg_depend as e
        where
            e.classid = u.refclassid
            and e.objid = u.refobjid
            and e.deptype = 'e'
    )
order by name;
