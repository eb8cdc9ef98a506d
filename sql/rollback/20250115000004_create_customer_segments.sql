-- Undoes 20250115000004_create_customer_segments.sql: segments and their maps are gone; scores stay as they are.

set local lock_timeout = '2s';
-- Nothing below finds what somebody else has put into public.
set local search_path = '';

-- Each try waits for a moment only, so that nobody who reads or writes customers waits long.
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

drop function if exists public.customers_of_segment(text, integer);
drop view if exists public.customer_segments;
drop view if exists public.lead_score_segment_cells;
drop trigger if exists calculate_customer_prospect on /* slot customers */ public.customers;
drop function if exists public.calculate_customer_prospect();
drop index if exists /* slot customers_index */ public.idx_customers_rfm_prospect;
alter table /* slot customers */ public.customers
drop column if exists rfm_prospect;

do $$
begin
    -- the guide's rollback by hand may have gone before
    if to_regclass('public.lead_score_active_model') is not null then
        drop trigger if exists follow_lead_score_model on public.lead_score_active_model;
    end if;
end;
$$;

drop function if exists public.follow_lead_score_model();
drop function if exists public.activate_lead_score_segment_map(integer);
drop table if exists public.lead_score_active_segment_map;
drop table if exists public.lead_score_segment_maps;
drop function if exists public.refuse_lead_score_segment_map_change();
drop function if exists public.restore_lead_score_segment_map();
