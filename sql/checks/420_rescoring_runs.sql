-- Stale customers were rescored completely within the last two days.
select
    coalesce(bool_and(h.ok), false) as passed,
    coalesce(min(h.finding), 'not installed') as found
from public.lead_score_health(false) as h
where h.fact = 'last rescoring';
