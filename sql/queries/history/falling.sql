-- Whose score has fallen most within the last 30 days?
select t.customer_id, t.change
from public.lead_score_trends(30) as t
where t.trend = 'declining'
order by t.change, t.customer_id
limit 50;
