-- Each change of a score is recorded: the trigger is there and enabled.
select
    count(*) = 1 as passed,
    case when count(*) = 1 then 'recorded since ' || min(s.recorded_since) else 'no enabled trigger' end as found
from public.lead_score_history_state as s
inner join pg_catalog.pg_trigger as t
    on t.tgname = 'record_lead_score_change' and t.tgenabled in ('O', 'A')
where t.tgrelid = to_regclass(/* slot customers_literal */ 'public.customers');
