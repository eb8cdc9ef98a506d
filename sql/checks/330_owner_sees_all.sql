-- Scores are made from all orders: no row-level security holds for the functions' owner.
select
    count(*) = 0 as passed,
    coalesce(string_agg(distinct c.relname || ' hides rows from ' || r.rolname, ', '), 'nothing is hidden') as found
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_roles as r on r.oid = p.proowner
inner join pg_catalog.pg_trigger as t
    on t.tgname in ('calculate_customer_lead_score', 'recalculate_lead_score_on_order_change')
inner join pg_catalog.pg_class as c on c.oid = t.tgrelid
where
    p.oid in (
        to_regprocedure('public.calculate_lead_score()'),
        to_regprocedure('public.touch_lead_scores(' || /* slot key_type_literal */ 'uuid' || '[])'),
        to_regprocedure('public.fit_lead_score_model(timestamptz)')
    )
    and c.relrowsecurity
    and not (r.rolsuper or r.rolbypassrls)
    and (c.relforcerowsecurity or not pg_has_role(r.oid, c.relowner, 'usage'));
