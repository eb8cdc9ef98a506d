-- Every customer with the lowest scores is a prospect if no order counts at last_scored_at, and else none.
select
    count(*) = 0 as passed,
    count(*) || ' differ' as found
from /* slot customers */ public.customers as c
where
    c.rfm_recency = 1
    and c.rfm_frequency = 1
    and c.rfm_monetary = 1
    and c.rfm_prospect is distinct from not exists (
        select
        from public.lead_score_orders as o
        where o.customer_id = c./* slot key */ id and o.ordered_at <= c.last_scored_at
    );
