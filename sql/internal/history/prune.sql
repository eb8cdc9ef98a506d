-- Delete a portion of the events that are older than some days; how many, and are there more?
select p.pruned, p.more
from public.prune_lead_score_history(%(days)s::integer * interval '24 hours', 10000) as p;
