-- How many customers have moved from which category to which since the history began?
select m.category_before, m.category_after, m.change, count(*) as customers
from public.lead_score_moves((select h.recorded_since from public.lead_score_history_state as h), now()) as m
group by m.category_before, m.category_after, m.change
order by m.category_before, m.category_after, m.change;
