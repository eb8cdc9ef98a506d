-- How many customers are in the last range?
select count(*) as customers
from public.lead_score_customers as c
where c.id >= %(first)s;
