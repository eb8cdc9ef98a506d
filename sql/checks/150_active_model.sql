-- Exactly one model is active.
select
    count(*) = 1 as passed,
    coalesce(
        min('model ' || m.id || case when m.fitted_as_of is null then ', set by hand' else ', fitted as of ' || m.fitted_as_of end),
        'no active model'
    ) as found
from public.lead_score_active_model as a
inner join public.lead_score_models as m on m.id = a.model_id;
