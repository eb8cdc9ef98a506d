-- Every stored score is the one that the orders give at its own last_scored_at.
select
    count(*) = 0 as passed,
    count(*) || ' differ' as found
from public.lead_score_drift(null::timestamp with time zone) as d;
