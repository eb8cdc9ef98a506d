-- Which columns do these tables have, and of which types?
select n.name as table_name, a.attname as column_name, t.typname as type_name
from unnest(cast(%(tables)s as text[])) as n (name)
inner join pg_catalog.pg_class as c on c.oid = to_regclass(n.name)
inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid
inner join pg_catalog.pg_type as t on t.oid = a.atttypid
where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped;
