-- The timeline was refreshed within the last two days, as far as is known.
select
    coalesce(bool_and(h.ok is not false), false) as passed,
    coalesce(min(h.finding), 'not installed') as found
from public.lead_score_health(false) as h
where h.fact = 'timeline refresh';
