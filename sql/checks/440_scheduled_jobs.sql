-- No scheduled job has failed or been missed, as far as pg_cron tells.
select
    coalesce(bool_and(h.ok is not false), false) as passed,
    coalesce(string_agg(h.fact || ': ' || h.finding, '; ' order by h.fact), 'not installed') as found
from public.lead_score_health(false) as h
where h.fact like 'job %';
