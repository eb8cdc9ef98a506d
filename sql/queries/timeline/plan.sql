-- Does the timeline of one customer come from idx_customer_activity_customer_date, and how fast?
explain analyze
select *
from public.customer_activity_timeline
where customer_id = (select id from public.lead_score_customers order by lead_score desc, id limit 1)
order by created_at desc
limit 20;
