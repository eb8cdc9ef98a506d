-- Which order tables have a foreign table as a partition? PostgreSQL hands none of its rows to a trigger.
select format(
    'an order that goes to the foreign table %s, a partition of %s, would be refused, or not change a score;'
    ' run "alter table %s detach partition %1$s", or name another table in orders.tables of the mapping',
    c.oid::regclass,
    t.name,
    i.inhparent::regclass
) as problem
from unnest(%(orders)s::text[]) as t (name)
cross join lateral pg_partition_tree(to_regclass(t.name)) as p
inner join pg_catalog.pg_class as c on c.oid = p.relid and c.relkind = 'f'
inner join pg_catalog.pg_inherits as i on i.inhrelid = c.oid;
