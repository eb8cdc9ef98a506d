-- Score some customers again; which of them could not be scored, and wait in the queue?
select f.customer_id::text as customer_id, f.sqlstate
from public.score_customers(array(
    select c.id from public.lead_score_customers as c where c.id = any(%(ids)s)
)) as f;
