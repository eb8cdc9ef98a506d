-- The functions of lead scoring are there, run as their owner, and name every object in full.
select
    count(*) = 6 as passed,
    count(*) || ' of 6' as found
from pg_catalog.pg_proc as p
where
    p.oid in (
        to_regprocedure('public.calculate_lead_score()'),
        to_regprocedure('public.recalculate_customer_lead_score()'),
        to_regprocedure('public.recalculate_lead_score_siblings()'),
        to_regprocedure('public.touch_lead_scores(anyarray)'),
        to_regprocedure('public.activate_lead_score_model(integer)'),
        to_regprocedure('public.fit_lead_score_model(timestamptz)')
    )
    and p.prosecdef
    and p.provolatile = 'v'
    and p.proconfig = '{"search_path=\"\""}';
