-- Which counted orders does a range of customers have?
select
    o.customer_id::text as customer_id,
    case
        -- Arrow has no infinity. An instant of this range stands for it: no order comes from there,
        -- since PostgreSQL's last years, which do not fit into Arrow, are left out
        when o.ordered_at = '-infinity' then '294001-01-01 00:00+00'
        when o.ordered_at < '294000-01-01 00:00+00' then o.ordered_at
    end as ordered_at,
    o.amount::text as amount
from public.lead_score_orders as o
where o.customer_id >= %(first)s and (%(stop)s is null or o.customer_id < %(stop)s);
