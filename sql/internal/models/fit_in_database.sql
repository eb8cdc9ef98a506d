-- Fit quintiles inside the database on the orders up to an instant, store and activate them.
select public.fit_lead_score_model(%(as_of)s::timestamptz) as number;
