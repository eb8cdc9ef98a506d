-- The indexes of lead scoring are there and valid.
select
    count(i.indexrelid) = count(*) as passed,
    coalesce(string_agg(c.relname, ', ' order by c.relname), 'no index') as found
from (
    values
    (/* slot customers_index_literal */ 'public.idx_customers_lead_score'),
    (/* slot customers_index_literal */ 'public.idx_customers_rfm_scores')
    -- slot each_order_table
    , (/* slot order_index_literal */ 'public.idx_orders_lead_score')
    , (/* slot order_index_literal */ 'public.idx_orders_lead_score_time')
    -- slot ends
) as w (index_name)
left join pg_catalog.pg_index as i on i.indexrelid = to_regclass(w.index_name) and i.indisvalid
left join pg_catalog.pg_class as c on c.oid = i.indexrelid;
