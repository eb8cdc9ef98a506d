-- About how many customers are there, by the planner's estimate?
explain (format json)
select c.id
from public.lead_score_customers as c;
