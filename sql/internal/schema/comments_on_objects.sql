-- Which of these tables and columns exist, and with which comments?
select
    o.kind,
    o.name,
    case o.kind
        when 'table' then obj_description(to_regclass(o.name), 'pg_class')
        else col_description(a.attrelid, a.attnum)
    end as comment
from unnest(cast(%(kinds)s as text[]), cast(%(names)s as text[])) as o (kind, name)
left join pg_catalog.pg_attribute as a
    on
        o.kind = 'column'
        and a.attrelid = to_regclass(substring(o.name from '^(.*)\.'))
        and a.attname = substring(o.name from '[^.]*$')
        and not a.attisdropped
where (o.kind = 'table' and to_regclass(o.name) is not null) or a.attname is not null;
