-- From which tables below the probe does row-level security hide rows, and from which role?
-- A view reads its tables as its owner, unless it is a security_invoker view.
with recursive reads as (
    select 'public.rfm_probe'::regclass::oid as relation, to_regrole(quote_ident(current_user))::oid as reader
    union
    select
        d.refobjid,
        case
            when exists (
                select
                from pg_options_to_table(c.reloptions) as o
                where o.option_name = 'security_invoker' and o.option_value::boolean
            )
                then r.reader
            else c.relowner
        end
    from reads as r
    inner join pg_catalog.pg_class as c on c.oid = r.relation
    inner join pg_catalog.pg_rewrite as w on w.ev_class = r.relation
    inner join pg_catalog.pg_depend as d
        on
            d.classid = 'pg_catalog.pg_rewrite'::regclass
            and d.objid = w.oid
            and d.refclassid = 'pg_catalog.pg_class'::regclass
)

select distinct c.oid::regclass::text as name, quote_ident(o.rolname) as reader
from reads as r
inner join pg_catalog.pg_class as c on c.oid = r.relation
inner join pg_catalog.pg_roles as o on o.oid = r.reader
where
    c.relrowsecurity
    and not (o.rolsuper or o.rolbypassrls)
    and (c.relforcerowsecurity or not pg_has_role(o.oid, c.relowner, 'usage'))
order by name;
