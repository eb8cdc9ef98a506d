-- Who follows the events, and since when has each not asked?
select c.consumer, c.active_at, c.batch_until is not null as has_open_batch, c.done_until
from public.lead_score_consumers as c
order by c.consumer;
