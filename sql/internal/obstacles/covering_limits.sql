-- Which covering columns may hold a value that does not fit into an index, so that its order would be refused?
-- A row of an index takes 2,704 bytes at most: 2,100 for these columns leave some for the customer and the time.
with types as (
    select
        o.table_name,
        a.attname,
        format_type(a.atttypid, a.atttypmod) as type_name,
        coalesce(b.oid, t.oid) as type_id,
        coalesce(b.typlen, t.typlen) as length,
        case when t.typtype = 'd' then t.typtypmod else a.atttypmod end as modifier
    from unnest(%(covering_tables)s::text[], %(covering_columns)s::text[]) as o (table_name, column_name)
    inner join pg_catalog.pg_attribute as a on a.attrelid = to_regclass(o.table_name) and a.attname = o.column_name
    inner join pg_catalog.pg_type as t on t.oid = a.atttypid
    left join pg_catalog.pg_type as b on t.typtype = 'd' and b.oid = t.typbasetype and b.typtype <> 'd'
),

-- null: no limit
sizes as (
    select
        t.*,
        case
            when t.length > 0 then t.length
            when t.type_id in ('inet'::regtype, 'cidr'::regtype) then 24
            when t.modifier < 0 then null
            when t.type_id in ('varchar'::regtype, 'bpchar'::regtype)
                then 4 + (t.modifier - 4) * pg_encoding_max_length(d.encoding)
            -- the modifier's upper half is the number of digits, and four digits take two bytes
            when t.type_id = 'numeric'::regtype then 12 + ((t.modifier - 4) >> 16) / 2
            when t.type_id in ('bit'::regtype, 'varbit'::regtype) then 8 + t.modifier / 8
        end as bytes
    from types as t
    inner join pg_catalog.pg_database as d on d.datname = current_database()
)

select format(
    'an order with a long value in covering column %s.%I (%s) would be refused, since it does not fit into the index;'
    ' limit the column, as varchar(100) or numeric(12, 2) do, or take it out of covering',
    s.table_name,
    s.attname,
    s.type_name
) as problem
from sizes as s
where s.bytes is null or s.bytes > 2100
union all
select format(
    'an order with long values in the covering columns of %s would be refused, since they take up to %s bytes of an'
    ' index with room for 2100; take some out of covering',
    s.table_name,
    sum(s.bytes)
)
from sizes as s
group by s.table_name
having sum(s.bytes) > 2100 and max(s.bytes) <= 2100 and count(*) = count(s.bytes);
