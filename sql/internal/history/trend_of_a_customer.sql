-- By how much has one customer's score changed since an instant, without what another model did?
select
    c.lead_score,
    coalesce(sum(e.new_score - e.old_score) filter (where e.cause not in ('model', 'map', 'baseline')), 0) as change,
    coalesce(bool_or(e.event_id is not null and e.old_score is null), false) as is_new
from public.lead_score_customers as c
left join public.lead_score_events as e on e.customer_id = c.id and e.occurred_at > %(since)s::timestamptz
where c.id = %(customer)s
group by c.id, c.lead_score;
