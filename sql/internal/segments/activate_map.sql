-- Make a stored segment map the active one.
select public.activate_lead_score_segment_map(%(number)s::integer);
