-- The functions of lead scoring are there, run as the owner of the customers, and look into fixed schemas.
select
    count(*) = 11 as passed,
    count(*) || ' of 11' as found
from pg_catalog.pg_proc as p
inner join (
    values
    ('public.calculate_lead_score()', 'search_path=""'),
    ('public.recalculate_customer_lead_score()', 'search_path=""'),
    ('public.recalculate_lead_score_siblings()', 'search_path=""'),
    (
        'public.touch_lead_scores(' || /* slot key_type_literal */ 'uuid' || '[])',
        'search_path=pg_catalog, %, pg_temp client_min_messages=error'
    ),
    (
        'public.touch_free_customers(' || /* slot key_type_literal */ 'uuid' || '[])',
        'search_path=pg_catalog, %, pg_temp client_min_messages=error'
    ),
    ('public.score_customers(' || /* slot key_type_literal */ 'uuid' || '[])', 'search_path="" lock_timeout=100ms'),
    (
        'public.score_customers_of_orders(' || /* slot key_type_literal */ 'uuid' || '[])',
        'search_path="" lock_timeout=100ms'
    ),
    ('public.score_queued_customers(integer,timestamptz)', 'search_path=""'),
    ('public.activate_lead_score_model(integer)', 'search_path=""'),
    ('public.fit_lead_score_model(timestamptz)', 'search_path=""'),
    ('public.rescore_stale_customers(integer,bigint,boolean)', 'search_path=""')
) as w (function_name, setting)
    on p.oid = to_regprocedure(w.function_name)
inner join pg_catalog.pg_class as c on c.oid = to_regclass(/* slot customers_literal */ 'public.customers')
where
    p.prosecdef
    and p.proowner = c.relowner
    and p.provolatile = 'v'
    and array_to_string(p.proconfig, ' ') like w.setting;
