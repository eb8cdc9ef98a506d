-- Undoes 20250115000001_create_lead_scoring.sql: scores and models are gone; customers and orders stay as they are.

set local lock_timeout = '2s';
-- Nothing below finds what somebody else has put into public.
set local search_path = '';

-- Both tables or none, each waited for a moment only: whoever sells meanwhile does not wait for long, and
-- whatever order their statements take the two in, we give up before PostgreSQL looks for a deadlock.
do $$
begin
    for attempt in 1..30 loop
        begin
            set local lock_timeout = '100ms';
            -- slot each_order_table
            lock table /* slot order_table */ public.orders in access exclusive mode;
            -- slot ends
            set local lock_timeout = '50ms';
            lock table /* slot customers */ public.customers in access exclusive mode;
            set local lock_timeout = '2s';
            return;
        exception when lock_not_available then
            perform pg_sleep(0.1);
        end;
    end loop;
    raise exception 'orders and customers could not be locked together within some seconds'
    using errcode = 'lock_not_available', hint = 'Nothing was changed. Try again when fewer write to them.';
end;
$$;

-- slot each_order_table
drop trigger if exists recalculate_lead_score_on_order_truncate on /* slot order_table */ public.orders;
drop trigger if exists recalculate_lead_score_on_order_delete on /* slot order_table */ public.orders;
drop trigger if exists recalculate_lead_score_on_order_update on /* slot order_table */ public.orders;
drop trigger if exists recalculate_lead_score_on_order_change on /* slot order_table */ public.orders;
-- slot ends
drop trigger if exists calculate_customer_lead_score on /* slot customers */ public.customers;

drop function if exists public.lead_score_drift(timestamptz);
drop function if exists public.fit_lead_score_model(timestamptz);
drop function if exists public.wait_for_lead_score_writers(interval);
drop function if exists public.activate_lead_score_model(integer);
drop function if exists public.recalculate_lead_score_siblings();
drop function if exists public.recalculate_customer_lead_score();
drop function if exists public.score_queued_customers(integer, timestamptz);
drop function if exists public.score_customers(/* slot key_type */ uuid[]);
drop function if exists public.score_customers_of_orders(/* slot key_type */ uuid[]);
drop function if exists public.has_false_lead_score(/* slot key_type */ uuid);
drop function if exists public.touch_free_customers(/* slot key_type */ uuid[]);
drop function if exists public.touch_lead_scores(/* slot key_type */ uuid[]);
drop function if exists public.calculate_lead_score();

-- slot each_order_table
drop index if exists /* slot order_index */ public.idx_orders_lead_score;
-- slot ends
drop view if exists public.lead_score_orders;

drop table if exists public.lead_score_active_model;
drop table if exists public.lead_score_models;
drop function if exists public.refuse_lead_score_model_change();
drop function if exists public.restore_lead_score_model();
drop table if exists public.lead_score_queue;

drop index if exists /* slot customers_index */ public.idx_customers_rfm_scores;
drop index if exists /* slot customers_index */ public.idx_customers_lead_score;

alter table /* slot customers */ public.customers
drop column if exists last_scored_at,
drop column if exists rfm_monetary,
drop column if exists rfm_frequency,
drop column if exists rfm_recency,
drop column if exists lead_score;
