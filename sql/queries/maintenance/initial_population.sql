-- How is everybody scored for the first time, on fitted thresholds? (One statement after the other.)
select public.fit_lead_score_model(now());

select public.wait_for_lead_score_writers(interval '1 minute');

-- who cannot be scored stops nobody else, and waits in lead_score_queue with this sqlstate
select f.sqlstate, count(*) as not_scored
from public.score_customers(array(select /* slot key */ id from /* slot customers */ public.customers)) as f
group by f.sqlstate;
