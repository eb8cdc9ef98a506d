-- Who are the five best leads?
select
    email,
    lead_score,
    rfm_recency,
    rfm_frequency,
    rfm_monetary,
    date_trunc('second', last_scored_at) as last_scored_at
from public.lead_score_customers
order by lead_score desc, id
limit 5;
