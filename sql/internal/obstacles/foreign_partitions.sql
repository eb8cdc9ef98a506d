-- Which order tables have a foreign table as a partition? A trigger with transition tables fails there.
select format(
    'each insert into %s would fail, since its partition %s is a foreign table;'
    ' run "alter table %s detach partition %2$s", or name another table in orders.tables of the mapping',
    t.name,
    c.oid::regclass,
    i.inhparent::regclass
) as problem
from unnest(%(orders)s::text[]) as t (name)
cross join lateral pg_partition_tree(to_regclass(t.name)) as p
inner join pg_catalog.pg_class as c on c.oid = p.relid and c.relkind = 'f'
inner join pg_catalog.pg_inherits as i on i.inhrelid = c.oid;
