-- No score has been out of date for more than a day.
select
    coalesce(bool_and(h.ok), false) as passed,
    coalesce(min(h.finding), 'not installed') as found
from public.lead_score_health(true) as h
where h.fact = 'stale scores';
