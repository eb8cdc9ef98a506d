-- Every score lies in its range: 1 to 5, and 6 to 30 for the lead score.
select
    count(*) = 0 as passed,
    count(*) || ' outside' as found
from public.lead_score_customers as c
where
    c.last_scored_at is not null
    and (
        c.lead_score between 6 and 30
        and c.rfm_recency between 1 and 5
        and c.rfm_frequency between 1 and 5
        and c.rfm_monetary between 1 and 5
    ) is not true;
