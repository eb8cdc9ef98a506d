-- Store a model; which number does it get?
insert into public.lead_score_models (
    recency, frequency, monetary, weights, fitted_customers, fitted_as_of
)
values (
    %(recency)s, %(frequency)s, %(monetary)s, %(weights)s, %(customers)s, %(as_of)s
)
returning id as number;
