-- What was the score of each customer at the beginning of the history?
select s.customer_id, s.lead_score
from public.lead_scores_at((select h.recorded_since from public.lead_score_history_state as h)) as s;
