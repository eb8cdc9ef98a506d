-- Which of some objects, given as kinds and names, are there?
select o.kind, o.name
from unnest(%(kinds)s::text[], %(names)s::text[]) as o (kind, name)
where
    case o.kind
        when 'function' then to_regprocedure(o.name) is not null
        when 'procedure' then to_regprocedure(o.name) is not null
        when 'trigger' then exists (
            select
            from pg_catalog.pg_trigger as t
            where
                t.tgname = split_part(o.name, ' on ', 1)
                and t.tgrelid = to_regclass(substring(o.name from ' on (.*)$'))
        )
        when 'column' then exists (
            select
            from pg_catalog.pg_attribute as a
            where
                a.attrelid = to_regclass(substring(o.name from '^(.*)\.'))
                and a.attname = substring(o.name from '[^.]*$')
                and not a.attisdropped
        )
        else exists (
            select
            from pg_catalog.pg_class as c
            where
                c.oid = to_regclass(o.name)
                and not exists (
                    select
                    from pg_catalog.pg_index as i
                    where i.indexrelid = c.oid and not i.indisvalid
                )
                and case o.kind
                    when 'table' then c.relkind in ('r', 'p')
                    when 'index' then c.relkind in ('i', 'I') -- upper case: of a partitioned table
                    when 'view' then c.relkind = 'v'
                    when 'materialized view' then c.relkind = 'm'
                end
        )
    end;
