-- Say that the open batch of a consumer is done.
select public.lead_score_events_done(%(consumer)s::text);
