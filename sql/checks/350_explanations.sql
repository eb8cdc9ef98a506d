-- The function that explains a score is there, and runs as its caller, by policies of its own.
select
    count(p.oid) = 1 and count(*) filter (where not p.prosecdef and q.policies = 3) = 1 as passed,
    case when count(p.oid) = 0 then 'no function' else coalesce(max(q.policies), 0) || ' of 3 policies' end as found
from pg_catalog.pg_proc as p
cross join (
    select count(*) as policies
    from pg_catalog.pg_policy as r
    where
        (r.polrelid, r.polname) in (
            (to_regclass('public.lead_score_models')::oid, 'read_active_model'),
            (to_regclass('public.lead_score_active_model')::oid, 'read_active_model'),
            (to_regclass('public.lead_score_queue')::oid, 'read_own_customers')
        )
) as q
where p.oid = to_regprocedure('public.explain_lead_score(' || /* slot key_type_literal */ 'uuid' || ')');
