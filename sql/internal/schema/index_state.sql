-- Is a table partitioned, and is an index of it there that an interrupted attempt left invalid?
select
    c.relkind = 'p' as partitioned,
    exists (
        select
        from pg_catalog.pg_index as i
        where i.indexrelid = to_regclass(%(index)s) and not i.indisvalid
    ) as invalid
from pg_catalog.pg_class as c
where c.oid = to_regclass(%(table)s);
