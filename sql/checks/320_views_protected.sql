-- The views are there and show each reader their own rows (security_invoker).
select
    count(*) filter (where c.reloptions @> '{security_invoker=true}') = 4 as passed,
    coalesce(
        'unprotected: ' || string_agg(c.relname, ', ' order by c.relname)
        filter (where c.reloptions @> '{security_invoker=true}' is not true),
        count(*) || ' of 4'
    ) as found
from pg_catalog.pg_class as c
where
    c.oid in (
        to_regclass('public.hot_leads'),
        to_regclass('public.customer_activity_summary'),
        to_regclass('public.customer_activities'),
        to_regclass('public.lead_score_orders')
    );
