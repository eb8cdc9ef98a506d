-- About how many counted orders are there, by the planner's estimate?
explain (format json)
select o.customer_id
from public.lead_score_orders as o;
