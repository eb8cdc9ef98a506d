-- Undoes 20250115000005_create_lead_score_explanations.sql: scores, models and segments stay as they are.

set local lock_timeout = '2s';
-- Nothing below finds what somebody else has put into public.
set local search_path = '';

-- Policies lock these tables, and every order reads them: each try waits for a moment only, so that nobody waits long.
do $$
begin
    for attempt in 1..30 loop
        begin
            set local lock_timeout = '100ms';
            lock table
                public.lead_score_queue,
                public.lead_score_active_model,
                public.lead_score_models
            in access exclusive mode;
            set local lock_timeout = '2s';
            return;
        exception
            when lock_not_available then
                perform pg_sleep(0.1);
            when undefined_table then
                return; -- the guide's rollback by hand has gone before
        end;
    end loop;
    raise exception 'the models could not be locked within some seconds, and nothing was changed'
    using errcode = 'lock_not_available', hint = 'Try again when fewer write orders.';
end;
$$;

drop function if exists public.explain_lead_score(/* slot key_type */ uuid);

do $$
begin
    -- the guide's rollback by hand may have gone before
    if to_regclass('public.lead_score_models') is not null then
        drop policy if exists read_active_model on public.lead_score_models;
    end if;
    if to_regclass('public.lead_score_active_model') is not null then
        drop policy if exists read_active_model on public.lead_score_active_model;
    end if;
    if to_regclass('public.lead_score_queue') is not null then
        drop policy if exists read_own_customers on public.lead_score_queue;
    end if;
    -- what the migration granted, and nobody else did
    if exists (select from pg_catalog.pg_roles as r where r.rolname = 'authenticated') then
        if to_regclass('public.lead_score_models') is not null then
            revoke select (id, recency, recency_negated, frequency, monetary, weights)
            on public.lead_score_models from authenticated;
        end if;
        if to_regclass('public.lead_score_active_model') is not null then
            revoke select (model_id) on public.lead_score_active_model from authenticated;
        end if;
        if to_regclass('public.lead_score_queue') is not null then
            revoke select (customer_id, sqlstate, queued_at) on public.lead_score_queue from authenticated;
        end if;
        if to_regclass('public.lead_score_orders') is not null then
            revoke select on public.lead_score_orders from authenticated;
        end if;
    end if;
end;
$$;
