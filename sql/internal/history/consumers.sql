-- Who follows the events, and how many are left, at most?
select
    c.consumer as name,
    c.active_at,
    c.batch_until is not null as has_open_batch,
    greatest(
        (select coalesce(max(s.last_value), 0) from pg_catalog.pg_sequences as s
         where s.schemaname = 'public' and s.sequencename = 'lead_score_history_event_id_seq')
        - greatest(c.position, c.done_until), 0
    ) as behind
from public.lead_score_consumers as c
order by c.consumer;
