-- Undoes 20250115000002_create_post_migration_objects.sql.

set local lock_timeout = '2s';
-- Nothing below finds what somebody else has put into public.
set local search_path = '';

do $$
begin
    if exists (select from pg_catalog.pg_extension as e where e.extname = 'pg_cron') then
        execute $cron$
            select cron.unschedule(j.jobid) from cron.job as j where j.jobname = 'refresh-customer-timeline'
        $cron$;
    end if;
end;
$$;

drop view if exists public.customer_activity_summary;
drop view if exists public.hot_leads;
-- slot with_deals
drop view if exists public.lead_score_deals;
-- slot ends
drop view if exists public.lead_score_customers;
drop function if exists public.refresh_customer_activity_timeline();
