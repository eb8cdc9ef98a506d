-- Which events does one customer have, oldest first?
select
    e.event_id,
    e.occurred_at,
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
from public.lead_score_events as e
where e.customer_id = %(customer)s
order by e.event_id;
