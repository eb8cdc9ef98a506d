-- Which triggers of a table are not ours?
select t.tgname as name
from pg_catalog.pg_trigger as t
where
    t.tgrelid = to_regclass(%(table)s)
    and not t.tgisinternal
    and t.tgname not in ('calculate_customer_lead_score', 'calculate_customer_prospect')
    and t.tgname not like 'recalculate_lead_score_on_order_%'
order by t.tgname;
