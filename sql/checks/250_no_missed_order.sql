-- No order has come to count since its customer was scored, unless the customer waits in lead_score_queue.
select
    count(*) = 0 as passed,
    count(*) || ' customers to score again' as found
from public.lead_score_customers as c
where
    c.last_scored_at is not null
    and exists (
        select
        from public.lead_score_orders as o
        where
            o.customer_id = c.id
            and o.ordered_at > c.last_scored_at
            and o.ordered_at <= now()
    )
    and not exists (
        select
        from public.lead_score_queue as q
        where q.customer_id = c.id or q.customer_id is null
    );
