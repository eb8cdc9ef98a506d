-- How large is the history, with its indexes?
select
    pg_size_pretty(pg_total_relation_size('public.lead_score_history')) as size,
    (select count(*) from public.lead_score_history) as events;
