-- Schedule the three jobs; which are they, and when do they run?
select j.job as name, j.schedule, j.command
from public.schedule_lead_score_jobs(%(refresh)s::text, %(rescore)s::text) as j;
