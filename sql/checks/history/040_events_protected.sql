-- Nobody but the owner reads the log itself, and its view hides what the reader may not see.
select
    bool_and(c.relrowsecurity or c.reloptions @> '{security_barrier=true}') as passed,
    format('%s of %s protected', count(*) filter (
        where c.relrowsecurity or c.reloptions @> '{security_barrier=true}'
    ), count(*)) as found
from pg_catalog.pg_class as c
where
    c.oid in (
        to_regclass('public.lead_score_history'),
        to_regclass('public.lead_score_history_state'),
        to_regclass('public.lead_score_consumers'),
        to_regclass('public.lead_score_events')
    );
