-- Who has become hot within the last week, and is still hot?
select distinct e.customer_id, c.email, c.lead_score
from public.lead_score_events as e
inner join public.lead_score_customers as c on c.id = e.customer_id
where
    e.occurred_at > now() - interval '7 days'
    and e.new_category = 'Hot'
    and e.old_category is distinct from 'Hot'
    and e.cause not in ('model', 'map', 'baseline')
    and c.lead_score >= 24
order by c.lead_score desc, e.customer_id;
