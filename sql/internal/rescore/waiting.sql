-- How many customers wait in the queue, for which reason?
select q.sqlstate, count(*) as customers
from (
    select min(w.sqlstate) as sqlstate
    from public.lead_score_queue as w
    group by w.customer_id
) as q
group by q.sqlstate
order by q.sqlstate;
