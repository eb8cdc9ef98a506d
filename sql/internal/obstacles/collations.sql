-- Which keys cannot be compared, because of their collations?
with key as (
    select a.attname, a.attcollation, a.attcollation::regcollation as collation_name, c.collisdeterministic
    from pg_catalog.pg_attribute as a
    inner join pg_catalog.pg_collation as c on c.oid = a.attcollation
    where a.attrelid = to_regclass(%(customers)s) and a.attname = %(key)s
)

select format(
    'column %s.%I has the collation %s, which takes different keys for the same; give it another collation',
    %(customers)s,
    k.attname,
    k.collation_name
) as problem
from key as k
where not k.collisdeterministic
union all
select format(
    'columns %s.%I (collation %s) and %s.%I (collation %s) cannot be compared; give both the same collation',
    %(customers)s,
    k.attname,
    k.collation_name,
    o.table_name,
    a.attname,
    a.attcollation::regcollation
)
from key as k
cross join unnest(%(orders)s::text[], %(order_customers)s::text[]) as o (table_name, column_name)
inner join pg_catalog.pg_attribute as a on a.attrelid = to_regclass(o.table_name) and a.attname = o.column_name
where a.attcollation not in (0, k.attcollation);
