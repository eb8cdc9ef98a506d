-- Why does a customer have the score?
select public.explain_lead_score(%(customer)s) as explanation;
