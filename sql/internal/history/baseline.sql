-- Write a first event for some customers who have none; how many, and who was the last that was looked at?
select b.recorded, b.last_customer::text as last
from public.record_lead_score_baseline(%(after)s, %(batch)s::integer) as b;
