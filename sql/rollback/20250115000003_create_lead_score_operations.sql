-- Undoes 20250115000003_create_lead_score_operations.sql: scores stay, and no longer change with time.

set local lock_timeout = '2s';
-- Nothing below finds what somebody else has put into public.
set local search_path = '';

-- Dropping an index locks its table: waited for a moment only, so that nobody who reads or writes orders waits long.
do $$
begin
    for attempt in 1..30 loop
        begin
            set local lock_timeout = '100ms';
            -- slot each_order_table
            lock table /* slot order_table */ public.orders in access exclusive mode;
            -- slot ends
            set local lock_timeout = '2s';
            return;
        exception when lock_not_available then
            perform pg_sleep(0.1);
        end;
    end loop;
    raise exception 'orders could not be locked within some seconds, and nothing was changed'
    using errcode = 'lock_not_available', hint = 'Try again when fewer write to them.';
end;
$$;

do $$
begin
    if exists (select from pg_catalog.pg_extension as e where e.extname = 'pg_cron') then
        execute $cron$
            select cron.unschedule(j.jobid) from cron.job as j
            where j.jobname in ('rescore-stale-customers', 'score-queued-customers')
        $cron$;
    end if;
end;
$$;

drop function if exists public.lead_score_health(boolean);
drop function if exists public.schedule_lead_score_jobs(text, text);
drop procedure if exists public.rescore_stale_customers(integer, bigint, boolean);
drop function if exists public.queue_stale_customers();
-- slot each_order_table
drop index if exists /* slot order_index */ public.idx_orders_lead_score_time;
-- slot ends
drop table if exists public.customer_activity_refresh;
drop table if exists public.lead_score_rescoring;
drop function if exists public.restore_lead_score_rescoring();
