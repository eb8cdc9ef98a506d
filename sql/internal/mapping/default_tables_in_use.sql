-- Was rfm applied to the default tables?
select exists (
    select
    from pg_catalog.pg_trigger as t
    where
        t.tgrelid = to_regclass('public.customers')
        and t.tgfoid = to_regprocedure('public.calculate_lead_score()')
) or (
    to_regclass('public.customer_activities') is not null
    and to_regclass('public.customer_activity_timeline') is not null
);
