-- The lead scores tell customers apart: a hundred or more with orders do not all score the same.
select
    count(distinct c.lead_score) filter (where c.lead_score > 6) > 1
    or count(*) filter (where c.lead_score > 6) < 100 as passed,
    count(*) filter (where c.lead_score >= 24) || ' hot, '
    || count(*) filter (where c.lead_score between 18 and 23) || ' warm, '
    || count(*) filter (where c.lead_score between 12 and 17) || ' cool, '
    || count(*) filter (where c.lead_score < 12) || ' cold' as found
from public.lead_score_customers as c
where c.lead_score > 0;
