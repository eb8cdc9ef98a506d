-- The functions of lead scoring are there, run as their owner, and cannot be led astray.
select
    count(*) = 7 as passed,
    count(*) || ' of 7' as found
from pg_catalog.pg_proc as p
inner join (
    values
    ('public.calculate_lead_score()', 'search_path=""'),
    ('public.recalculate_customer_lead_score()', 'search_path=""'),
    ('public.recalculate_lead_score_siblings()', 'search_path=""'),
    ('public.touch_lead_scores(anyarray)', 'search_path=pg_catalog, %public, pg_temp'),
    ('public.activate_lead_score_model(integer)', 'search_path=""'),
    ('public.fit_lead_score_model(timestamptz)', 'search_path=""'),
    ('public.rescore_stale_customers(integer,bigint,boolean)', 'search_path=""')
) as w (function_name, setting)
    on p.oid = to_regprocedure(w.function_name)
where p.prosecdef and p.provolatile = 'v' and array_to_string(p.proconfig, ' ') like w.setting;
