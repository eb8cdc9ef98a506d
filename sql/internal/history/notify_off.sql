-- Signal no event any more.
alter table public.lead_score_history disable trigger notify_lead_score_events;
