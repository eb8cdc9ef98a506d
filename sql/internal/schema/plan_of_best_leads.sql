-- The best leads come from their index.
explain (analyze, timing off, format json)
select *
from public.customers
where lead_score >= 24
order by lead_score desc
limit 50;
