-- The newest event of each customer, within the last day, has the stored score.
select
    count(*) filter (where c.lead_score is distinct from h.new_score) = 0 as passed,
    format(
        '%s of %s customers differ; rfm history enable --baseline writes what is missing',
        count(*) filter (where c.lead_score is distinct from h.new_score), count(*)
    ) as found
from (
    select distinct on (e.customer_id) e.customer_id, e.new_score
    from public.lead_score_history as e
    where e.occurred_at > now() - interval '1 day'
    order by e.customer_id, e.event_id desc
) as h
inner join /* slot customers */ public.customers as c on c./* slot key */ id = h.customer_id;
