-- How many customers moved from which segment to which within a period, and was it another model?
select m.segment_before as before, m.segment_after as after, m.change, count(*) as customers
from public.lead_score_moves(%(starts)s::timestamptz, %(ends)s::timestamptz) as m
group by m.segment_before, m.segment_after, m.change;
