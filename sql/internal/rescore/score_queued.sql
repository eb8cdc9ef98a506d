-- Score a portion of the customers who wait in the queue and were not tried since an instant.
select q.scored, q.failed, q.waiting
from public.score_queued_customers(%(batch)s::integer, %(tried_before)s::timestamptz) as q;
