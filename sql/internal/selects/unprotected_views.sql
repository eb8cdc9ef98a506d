-- Which views below the probe show a reader rows that row-level security would hide?
with recursive reads as (
    select 'public.rfm_probe'::regclass::oid as relation
    union
    select d.refobjid
    from reads as r
    inner join pg_catalog.pg_rewrite as w on w.ev_class = r.relation
    inner join pg_catalog.pg_depend as d
        on
            d.classid = 'pg_catalog.pg_rewrite'::regclass
            and d.objid = w.oid
            and d.refclassid = 'pg_catalog.pg_class'::regclass
)

select c.oid::regclass::text as name, c.relkind = 'm' as is_materialized
from reads as r
inner join pg_catalog.pg_class as c on c.oid = r.relation
where
    c.relnamespace <> 'pg_catalog'::regnamespace
    and (
        c.relkind = 'm'
        or c.relkind = 'v' and not exists (
            select
            from pg_options_to_table(c.reloptions) as o
            where o.option_name = 'security_invoker' and o.option_value::boolean
        )
    )
order by name;
