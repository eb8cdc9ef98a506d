-- Do the best leads come from idx_customers_lead_score, and how fast?
explain analyze
select *
from public.lead_score_customers
where lead_score >= 24
order by lead_score desc
limit 50;
