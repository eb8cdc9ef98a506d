-- About how many customers are there, by the planner's estimate?
explain (format json)
select c.id
from public.customers as c;
