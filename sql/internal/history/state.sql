-- Since when is the history recorded, about how many events and bytes does it have, does it signal them?
select
    s.recorded_since,
    greatest(c.reltuples, 0)::bigint as events,
    pg_total_relation_size(c.oid) as bytes,
    (
        select t.tgenabled <> 'D'
        from pg_catalog.pg_trigger as t
        where t.tgrelid = c.oid and t.tgname = 'notify_lead_score_events'
    ) as notifies
from public.lead_score_history_state as s
cross join pg_catalog.pg_class as c
where c.oid = to_regclass('public.lead_score_history');
