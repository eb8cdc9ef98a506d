-- What happened with one customer lately? Put the customer's id in place of the best lead's.
select activity_type, created_at, metadata
from public.customer_activity_timeline
where customer_id = (select id from public.lead_score_customers order by lead_score desc, id limit 1)
order by created_at desc
limit 10;
