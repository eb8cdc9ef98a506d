-- Which tables have rows that are written without the triggers of the table that we know?
select format(
    'the rows of %s, a child of table %s, fire no trigger of it; run "alter table %1$s no inherit %2$s"',
    i.inhrelid::regclass,
    t.name
) as problem
from unnest(array_prepend(%(customers)s, %(orders)s::text[])) as t (name)
inner join pg_catalog.pg_class as c on c.oid = to_regclass(t.name) and c.relkind = 'r'
inner join pg_catalog.pg_inherits as i on i.inhparent = c.oid
union all
select format(
    'a write to %s, whose child or partition %s is, fires no trigger of %2$s; name %1$s in orders.tables of the mapping',
    i.inhparent::regclass,
    t.name
)
from unnest(%(orders)s::text[]) as t (name)
inner join pg_catalog.pg_inherits as i on i.inhrelid = to_regclass(t.name);
