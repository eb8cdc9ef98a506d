-- The orders have no child table by inheritance, whose orders no trigger would see.
select
    count(*) = 0 as passed,
    coalesce(string_agg(i.inhrelid::regclass::text, ', ' order by i.inhrelid::regclass::text), 'none') as found
from pg_catalog.pg_trigger as t
inner join pg_catalog.pg_class as c on c.oid = t.tgrelid and c.relkind <> 'p'
inner join pg_catalog.pg_inherits as i on i.inhparent = c.oid
where t.tgname = 'recalculate_lead_score_on_order_change';
