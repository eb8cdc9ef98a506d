-- Undoes 20250115000006_create_lead_score_history.sql: the history is gone; scores stay and go on.

set local lock_timeout = '2s';
-- Nothing below finds what somebody else has put into public.
set local search_path = '';

-- Dropping a trigger locks its table: waited for a moment only, so that nobody who reads or writes customers waits long.
do $$
begin
    for attempt in 1..30 loop
        begin
            set local lock_timeout = '100ms';
            lock table /* slot customers */ public.customers in access exclusive mode;
            set local lock_timeout = '2s';
            return;
        exception when lock_not_available then
            perform pg_sleep(0.1);
        end;
    end loop;
    raise exception 'customers could not be locked within some seconds, and nothing was changed'
    using errcode = 'lock_not_available', hint = 'Try again when fewer write to them.';
end;
$$;

drop trigger if exists record_lead_score_change on /* slot customers */ public.customers;

drop function if exists public.prune_lead_score_history(interval, integer);
drop function if exists public.lead_score_events_forget(text);
drop function if exists public.lead_score_events_done(text);
drop function if exists public.lead_score_events_next(text, integer);
drop function if exists public.claim_lead_score_consumer(text);
drop function if exists public.notice_lead_score_restore();
drop function if exists public.lead_score_trends(integer);
drop function if exists public.lead_score_moves(timestamptz, timestamptz);
drop function if exists public.lead_scores_at(timestamptz);
drop view if exists public.lead_score_events;
drop view if exists public.lead_score_history_events;
drop function if exists public.lead_score_segment(integer, integer, integer, integer, boolean);
drop function if exists public.may_see_customer(/* slot key_type */ uuid);
drop function if exists public.record_lead_score_baseline(/* slot key_type */ uuid, integer);
drop function if exists public.record_lead_score_change();
drop function if exists public.lead_scores_with_active_model(/* slot key_type */ uuid, timestamptz);
drop function if exists public.append_lead_score_events(
    /* slot key_type */ uuid, text, timestamptz, integer[], integer[], integer[], boolean, boolean
);
drop table if exists public.lead_score_consumers;
drop table if exists public.lead_score_history_state;
drop function if exists public.restore_lead_score_history_state();
drop table if exists public.lead_score_history;
drop function if exists public.notify_lead_score_events();
