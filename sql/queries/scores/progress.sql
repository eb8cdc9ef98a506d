-- How many customers have a score, and what is the average?
select
    count(*) as total_customers,
    count(nullif(lead_score, 0)) as scored_customers,
    round(avg(nullif(lead_score, 0)), 2) as avg_lead_score
from public.lead_score_customers;
