-- Which customers have an e-mail address?
select c.id::text as customer_id
from public.lead_score_customers as c
where lower(c.email) = lower(%(email)s)
order by c.id;
