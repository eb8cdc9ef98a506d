-- What were the scores of every customer at an instant?
select s.customer_id::text as customer_id, s.rfm_recency, s.rfm_frequency, s.rfm_monetary, s.lead_score
from public.lead_scores_at(%(as_of)s::timestamptz) as s;
