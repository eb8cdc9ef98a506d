-- The trigger that tells customers without an order is there and fires after the one that scores.
select
    count(t.oid) = 1 as passed,
    case when count(t.oid) = 1 then 'fires' else 'missing or disabled' end as found
from pg_catalog.pg_trigger as t
where
    t.tgname = 'calculate_customer_prospect'
    and t.tgrelid = to_regclass(/* slot customers_literal */ 'public.customers')
    and t.tgfoid = to_regprocedure('public.calculate_customer_prospect()')
    and t.tgenabled in ('O', 'A');
