-- How are all customers scored for the first time, with thresholds fitted on their own orders?
select public.fit_lead_score_model();

update public.customers
set last_scored_at = last_scored_at;
