-- How many customers were scored on each of the last seven days?
select date(last_scored_at) as score_date, count(*) as customers_scored
from public.lead_score_customers
where last_scored_at is not null
group by date(last_scored_at)
order by score_date desc
limit 7;
