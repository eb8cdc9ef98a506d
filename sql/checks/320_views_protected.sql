-- The views are there and show each reader their own rows (security_invoker).
select
    count(*) filter (where c.reloptions @> '{security_invoker=true}') = count(*) as passed,
    coalesce(
        'unprotected: ' || string_agg(c.relname, ', ' order by c.relname)
        filter (where c.reloptions @> '{security_invoker=true}' is not true),
        count(c.oid) || ' of ' || count(*)
    ) as found
from (
    values
    ('public.hot_leads'),
    ('public.customer_activity_summary'),
    ('public.customer_activities'),
    ('public.lead_score_orders'),
    ('public.lead_score_customers')
    -- slot with_deals
    , ('public.lead_score_deals')
    -- slot ends
) as w (view_name)
left join pg_catalog.pg_class as c on c.oid = to_regclass(w.view_name);
