-- How are all customers scored for the first time, with thresholds fitted on their own orders?
select public.fit_lead_score_model();

select public.wait_for_lead_score_writers();

update public.customers
set last_scored_at = last_scored_at;
