-- Which models are there, and since when is which one active?
select
    m.id as number,
    m.recency,
    m.frequency,
    m.monetary,
    m.weights,
    m.fitted_customers,
    m.fitted_as_of,
    m.created_at,
    a.activated_at
from public.lead_score_models as m
left join public.lead_score_active_model as a on a.model_id = m.id
order by m.id;
