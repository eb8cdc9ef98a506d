-- Which events does a consumer get next?
select
    e.event_id,
    e.xid::text as xid,
    e.occurred_at,
    e.customer_id::text as customer_id,
    e.type,
    e.cause,
    e.model_id,
    e.segment_map_id,
    e.old_recency,
    e.old_frequency,
    e.old_monetary,
    e.old_score,
    e.old_category,
    e.old_segment,
    e.new_recency,
    e.new_frequency,
    e.new_monetary,
    e.new_score,
    e.new_category,
    e.new_segment
from public.lead_score_events_next(%(consumer)s::text, %(batch_size)s::integer) as e;
