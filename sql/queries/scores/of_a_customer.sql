-- What is one customer's score? Put the customer's id in place of the best lead's.
select id, email, lead_score, rfm_recency, rfm_frequency, rfm_monetary, last_scored_at
from public.lead_score_customers
where id = (select id from public.lead_score_customers order by lead_score desc, id limit 1);
