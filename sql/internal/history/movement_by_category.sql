-- How many customers moved from which category to which within a period, and was it another model?
select m.category_before as before, m.category_after as after, m.change, count(*) as customers
from public.lead_score_moves(%(starts)s::timestamptz, %(ends)s::timestamptz) as m
group by m.category_before, m.category_after, m.change;
