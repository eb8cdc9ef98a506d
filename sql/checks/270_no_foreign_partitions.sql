-- The orders have no foreign table as a partition, to which PostgreSQL refuses orders beside our triggers.
select
    count(*) = 0 as passed,
    coalesce(string_agg(p.relid::regclass::text, ', ' order by p.relid::regclass::text), 'none') as found
from pg_catalog.pg_trigger as t
cross join pg_partition_tree(t.tgrelid) as p
inner join pg_catalog.pg_class as c on c.oid = p.relid and c.relkind = 'f'
where t.tgname = 'recalculate_lead_score_on_order_change' and t.tgparentid = 0;
