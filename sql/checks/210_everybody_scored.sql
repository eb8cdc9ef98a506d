-- Every customer has a score.
select
    count(*) filter (where c.last_scored_at is null) = 0 as passed,
    count(c.last_scored_at) || ' of ' || count(*) || ' scored' as found
from public.lead_score_customers as c;
