-- How has the score of one customer changed?
select e.occurred_at, e.cause, e.old_score, e.new_score, e.old_category, e.new_category
from public.lead_score_events as e
where e.customer_id = '00000000-0000-0000-0000-000000000000'
order by e.event_id;
