-- About how many rows does a table have, its partitions included? Null: it was never analyzed.
select
    case
        when min(c.reltuples) >= 0 then sum(c.reltuples)::bigint
    end as rows
from pg_catalog.pg_class as c
where
    c.relkind <> 'p'
    and (
        c.oid = to_regclass(%(table)s)
        or c.oid in (select p.relid from pg_catalog.pg_partition_tree(to_regclass(%(table)s)) as p)
    );
