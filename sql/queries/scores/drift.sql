-- Whose stored score is not what the orders give at its own instant? No row: every score is true.
select * from public.lead_score_drift(null::timestamptz);
