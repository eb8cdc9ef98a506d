-- The guide's two triggers and their three siblings are there and fire.
select
    count(*) = 5 as passed,
    count(*) || ' of 5' as found
from pg_catalog.pg_trigger as t
inner join (
    values
    ('calculate_customer_lead_score', 'public.customers', 'public.calculate_lead_score()'),
    ('recalculate_lead_score_on_order_change', 'public.orders', 'public.recalculate_customer_lead_score()'),
    ('recalculate_lead_score_on_order_update', 'public.orders', 'public.recalculate_lead_score_siblings()'),
    ('recalculate_lead_score_on_order_delete', 'public.orders', 'public.recalculate_lead_score_siblings()'),
    ('recalculate_lead_score_on_order_truncate', 'public.orders', 'public.recalculate_lead_score_siblings()')
) as w (trigger_name, table_name, function_name)
    on
        t.tgname = w.trigger_name
        and t.tgrelid = to_regclass(w.table_name)
        and t.tgfoid = to_regprocedure(w.function_name)
where t.tgenabled in ('O', 'A');
