-- Is the trigger that scores customers there and enabled?
select count(*) > 0 as enabled
from pg_catalog.pg_trigger as t
where
    t.tgrelid = to_regclass('public.customers')
    and t.tgname = 'calculate_customer_lead_score'
    and t.tgenabled in ('O', 'A');
