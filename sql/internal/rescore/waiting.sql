-- How many customers wait in the queue, for which reason?
select q.sqlstate, count(distinct q.customer_id) as customers
from public.lead_score_queue as q
group by q.sqlstate
order by q.sqlstate;
