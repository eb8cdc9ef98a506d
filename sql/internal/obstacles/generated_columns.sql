-- Which columns are generated in a way that the triggers or the indexes cannot use?
select format(
    'column %s.%I is generated, and still empty when the trigger scores a new customer, who would always get 6;'
    ' name another column as key',
    %(customers)s,
    a.attname
) as problem
from pg_catalog.pg_attribute as a
where
    a.attrelid = to_regclass(%(customers)s)
    and a.attname = %(key)s
    and a.attgenerated <> ''
union all
select format(
    'column %s.%I is a virtual generated column, which no index can hold; make it a stored one',
    o.table_name,
    a.attname
)
from unnest(%(order_tables)s::text[], %(order_columns)s::text[]) as o (table_name, column_name)
inner join pg_catalog.pg_attribute as a on a.attrelid = to_regclass(o.table_name) and a.attname = o.column_name
where a.attgenerated = 'v';
