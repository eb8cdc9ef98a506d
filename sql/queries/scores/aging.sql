-- Whose score has changed since, just because time has passed?
select * from public.lead_score_drift(now());
