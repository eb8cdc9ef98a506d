-- Which models are there, and which one is active?
select m.*, a.activated_at
from public.lead_score_models as m
left join public.lead_score_active_model as a on a.model_id = m.id
order by m.id;
