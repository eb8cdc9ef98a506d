-- The timeline of one customer comes from its index.
explain (analyze, timing off, format json)
select *
from public.customer_activity_timeline
where customer_id = (select customer_id from public.customer_activity_timeline limit 1)
order by created_at desc
limit 20;
