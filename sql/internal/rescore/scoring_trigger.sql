-- Is the trigger that scores customers there and enabled?
select count(*) > 0 as enabled
from pg_catalog.pg_trigger as t
where
    t.tgname = 'calculate_customer_lead_score'
    and t.tgfoid = to_regprocedure('public.calculate_lead_score()')
    and t.tgenabled in ('O', 'A');
