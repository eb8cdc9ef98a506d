-- Every consumer of events has asked for them within the last week.
select
    count(*) = 0 as passed,
    coalesce(
        string_agg(format('%s has been away since %s', c.consumer, c.active_at), ', ' order by c.consumer)
        || '; start it, or select lead_score_events_forget(its name)',
        'nobody is away'
    ) as found
from public.lead_score_consumers as c
where c.active_at < now() - interval '7 days';
