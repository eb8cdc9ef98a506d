-- What are the stored scores of a range of customers, and what do their orders come to?
-- The range stands twice: PostgreSQL does not conclude the one on orders from the one on customers.
select
    c.id::text as customer_id,
    -- Arrow has no infinity, and its calendar ends some years before PostgreSQL's
    case
        when c.last_scored_at > '-infinity' and c.last_scored_at < '294000-01-01'
            then c.last_scored_at
    end as last_scored_at,
    c.lead_score,
    c.rfm_recency,
    c.rfm_frequency,
    c.rfm_monetary::text as rfm_monetary,
    nullif(t.last_order_at, '-infinity') as last_order_at,
    coalesce(t.frequency, 0) as frequency,
    coalesce(t.monetary, 0)::text as monetary
from public.lead_score_customers as c
left join (
    select
        o.customer_id,
        max(o.ordered_at) as last_order_at,
        count(*) as frequency,
        sum(o.amount) as monetary
    from public.lead_score_orders as o
    where
        o.ordered_at <= %(until)s
        and o.customer_id >= %(first)s
        and (%(stop)s is null or o.customer_id < %(stop)s)
    group by o.customer_id
) as t on t.customer_id = c.id
where c.id >= %(first)s and (%(stop)s is null or c.id < %(stop)s);
