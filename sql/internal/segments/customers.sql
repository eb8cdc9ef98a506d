-- Which segment does each customer belong to?
select s.customer_id::text as customer_id, s.segment
from public.customer_segments as s;
