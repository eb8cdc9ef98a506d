-- How many customers are in the last range?
select count(*) as customers
from public.customers as c
where c.id >= %(first)s;
