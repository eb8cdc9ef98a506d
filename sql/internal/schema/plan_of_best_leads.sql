-- The best leads come from their index.
explain (analyze, timing off, format json)
select *
from public.hot_leads
limit 50;
