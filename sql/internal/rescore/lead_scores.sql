-- Which lead scores do some customers have?
select c.id::text as customer_id, c.lead_score
from public.lead_score_customers as c
where c.id = any(%(ids)s);
