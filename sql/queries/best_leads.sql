-- Who are the five best leads?
select id, email, lead_score, rfm_recency, rfm_frequency, rfm_monetary, last_scored_at
from public.customers
order by lead_score desc, rfm_monetary desc, id
limit 5;
