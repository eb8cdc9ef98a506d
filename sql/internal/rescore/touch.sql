-- Have the trigger score some customers again, waiting for their locks no longer than the timeout.
set local lock_timeout = %(lock_timeout)s;

select public.touch_lead_scores(array(
    select c.id from public.lead_score_customers as c where c.id = any(%(ids)s)
));
