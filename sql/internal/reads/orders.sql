-- Which counted orders does a range of customers have?
select
    o.customer_id::text as customer_id,
    case
        -- PostgreSQL's last years do not fit; no order of them counts yet
        when o.ordered_at >= '294000-01-01' then null
        when isfinite(o.ordered_at) then (extract(epoch from o.ordered_at) * 1000000)::bigint
        -- long before the first instant that PostgreSQL knows: -infinity for summarize_orders
        when o.ordered_at = '-infinity' then -4611686018427387904
    end as ordered_at,
    o.amount::text as amount
from public.lead_score_orders as o
where o.customer_id >= %(first)s and (%(stop)s is null or o.customer_id < %(stop)s);
