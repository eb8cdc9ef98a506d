-- The timeline has the guide's two indexes and no other; the first one is unique.
select
    coalesce(
        array_agg(c.relname::text order by c.relname) = '{idx_customer_activity_customer_date,idx_customer_activity_type}'
        and bool_and(i.indisvalid)
        and bool_or(i.indisunique and c.relname = 'idx_customer_activity_customer_date'),
        false
    ) as passed,
    coalesce(
        string_agg(case when i.indisunique then 'unique ' else '' end || c.relname, ', ' order by c.relname),
        'no index'
    ) as found
from pg_catalog.pg_index as i
inner join pg_catalog.pg_class as c on c.oid = i.indexrelid
where i.indrelid = to_regclass('public.customer_activity_timeline');
