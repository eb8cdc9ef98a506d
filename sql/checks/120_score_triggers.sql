-- The guide's two triggers and their three siblings are there and fire.
select
    count(t.oid) = count(*) as passed,
    count(t.oid) || ' of ' || count(*) as found
from (
    values
    ('calculate_customer_lead_score', /* slot customers_literal */ 'public.customers', 'public.calculate_lead_score()')
    -- slot each_order_table
    , ('recalculate_lead_score_on_order_change', /* slot order_table_literal */ 'public.orders', 'public.recalculate_customer_lead_score()')
    , ('recalculate_lead_score_on_order_update', /* slot order_table_literal */ 'public.orders', 'public.recalculate_lead_score_siblings()')
    , ('recalculate_lead_score_on_order_delete', /* slot order_table_literal */ 'public.orders', 'public.recalculate_lead_score_siblings()')
    , ('recalculate_lead_score_on_order_truncate', /* slot order_table_literal */ 'public.orders', 'public.recalculate_lead_score_siblings()')
    -- slot ends
) as w (trigger_name, table_name, function_name)
left join pg_catalog.pg_trigger as t
    on
        t.tgname = w.trigger_name
        and t.tgrelid = to_regclass(w.table_name)
        and t.tgfoid = to_regprocedure(w.function_name)
        and t.tgenabled in ('O', 'A');
