-- What are an index and its parts on the partitions of its table called?
select c.relname as name
from pg_catalog.pg_class as c
where
    c.relname = %(index)s
    or c.oid in (
        select p.relid
        from pg_catalog.pg_class as i
        cross join pg_partition_tree(i.oid) as p
        where i.relname = %(index)s
    );
