-- Make a stored model the active one.
select public.activate_lead_score_model(%(number)s::integer);
