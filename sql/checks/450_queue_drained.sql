-- No customer has waited in lead_score_queue for more than ten minutes.
select
    coalesce(bool_and(h.ok), false) as passed,
    coalesce(min(h.finding), 'not installed') as found
from public.lead_score_health(false) as h
where h.fact = 'queue';
