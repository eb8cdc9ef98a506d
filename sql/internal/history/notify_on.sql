-- Signal each new event on the channel lead_score_events.
alter table public.lead_score_history enable trigger notify_lead_score_events;
