-- Operations: scores that age are made again when they are due, the state of it all at one look, the daily jobs.
--
-- Needs the three migrations before it.
-- Paste it into a SQL editor, or run `psql --single-transaction --file` with it; a second run does no harm.
-- Undo it with the file of the same name in rollback/, before those of the others.
-- A comment with the word "slot" marks what a mapping of another schema replaces (docs/how-to/map-my-schema.md).

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- ---------------------------------------------------------------- what is known of the last run

create table if not exists public.lead_score_rescoring (
    only_row boolean primary key default true check (only_row),
    done_until timestamptz,
    model_id integer,
    planned_until timestamptz,
    planned_model_id integer,
    created_at timestamptz not null default now()
);

comment on table public.lead_score_rescoring is
'How far rescore_stale_customers() has come: one row. Empty lead_score_rescoring_due and
set done_until to null, and its next run looks at everybody.';
comment on column public.lead_score_rescoring.only_row is 'True: there is no second row.';
comment on column public.lead_score_rescoring.done_until is
'At this instant every score was the true one; null: not known.';
comment on column public.lead_score_rescoring.model_id is 'The model that it was true for.';
comment on column public.lead_score_rescoring.planned_until is
'What done_until will be when nobody is left in lead_score_rescoring_due; null: it stays as it is.';
comment on column public.lead_score_rescoring.planned_model_id is 'What model_id will be then.';
comment on column public.lead_score_rescoring.created_at is 'When the migration was applied.';

insert into public.lead_score_rescoring default values on conflict do nothing;

create table if not exists public.lead_score_rescoring_due (
    customer_id /* slot key_type */ uuid primary key
);

comment on table public.lead_score_rescoring_due is
'Customers that rescore_stale_customers() has found due and not yet touched; empty between complete runs.';
comment on column public.lead_score_rescoring_due.customer_id is 'The customer.';

create table if not exists public.customer_activity_refresh (
    only_row boolean primary key default true check (only_row),
    refreshed_at timestamptz not null,
    filenode oid not null
);

comment on table public.customer_activity_refresh is
'The last refresh by refresh_customer_activity_timeline(): no row before the first.';
comment on column public.customer_activity_refresh.only_row is 'True: there is no second row.';
comment on column public.customer_activity_refresh.refreshed_at is 'The instant that the timeline is true for.';
comment on column public.customer_activity_refresh.filenode is
'The timeline''s file then: another one tells of a refresh by other means, at a time that nobody knows.';

-- ---------------------------------------------------------------- orders by time

-- The same condition as the one of idx_orders_lead_score.
-- slot each_order_table
create index if not exists /* slot order_index */ idx_orders_lead_score_time
on /* slot order_table */ public.orders (/* slot order_time */ created_at) include (/* slot order_customer */ customer_id)
-- slot order_condition
where
    status is null
    or lower(status collate "C") not in ('cancelled', 'canceled', 'refunded', 'failed', 'void');
-- slot ends
comment on index /* slot order_index */ public.idx_orders_lead_score_time is
'The orders of lead_score_orders by time: whose recency changes within a day, without looking at everybody.';
-- slot ends

-- ---------------------------------------------------------------- rescoring what time has changed

-- Time changes a score at these instants, and at no others: when a threshold of d days is crossed, d + 1 times 24
-- hours after the newest counted order; and when an order that was dated in the future comes to count. So whoever
-- was scored before such an instant, and it has come since the last complete run, is due.
create or replace function public.queue_stale_customers()
returns void
language plpgsql
set search_path = ''
as $$
declare
    -- taken before anything is read: what is written later is scored at a later instant
    due_until constant timestamp with time zone := clock_timestamp();
    active public.lead_score_models%rowtype;
    settled boolean := true;
    seen_until timestamp with time zone;
    age interval;
begin
    select m.*
    into active
    from public.lead_score_models as m
    where m.id = (select a.model_id from public.lead_score_active_model as a);

    -- a transaction that scored before due_until, perhaps with the model before, and has not committed, is seen by
    -- no query below: wait for it, or leave done_until where it is, so that the next run looks there again
    begin
        perform public.wait_for_lead_score_writers('5 seconds');
    exception when lock_not_available then
        settled := false;
    end;

    -- a little of the last run again: a clock may have been set back; further back, nothing is known
    select r.done_until - interval '1 hour'
    into seen_until
    from public.lead_score_rescoring as r
    where r.model_id = active.id and r.done_until <= due_until;

    if seen_until is null or exists (
        select
        from public.lead_score_customers as c
        where (c.lead_score < 6 or c.lead_score is null) and c.last_scored_at is null
    ) then
        insert into public.lead_score_rescoring_due (customer_id)
        select d.customer_id
        from public.lead_score_drift(due_until) as d
        inner join public.lead_score_customers as c on c.id = d.customer_id
        where c.last_scored_at <= due_until -- a score for an instant to come is not old
        union
        select c.id
        from public.lead_score_customers as c
        where c.last_scored_at is null;
    else
        -- one range of idx_orders_lead_score_time each, planned for the orders that are in it
        for age in
            select d.days * interval '24 hours'
            from (
                select 0
                union
                select t.days + 1::bigint from unnest(active.recency) as t (days)
            ) as d (days)
            -- no order is as old as the first instant that there is
            where d.days < extract(day from seen_until - '4714-11-24 00:00:00+00 BC'::timestamp with time zone)
        loop
            insert into public.lead_score_rescoring_due (customer_id)
            select o.customer_id
            from public.lead_score_orders as o
            where
                o.ordered_at > seen_until - age
                and o.ordered_at <= due_until - age
                -- no join: the planner would read all customers rather than look some hundreds up
                and (select c.last_scored_at from public.lead_score_customers as c where c.id = o.customer_id) < o.ordered_at + age
                and not exists (
                    select
                    from public.lead_score_orders as n
                    where
                        n.customer_id = o.customer_id
                        and n.ordered_at > o.ordered_at
                        and n.ordered_at <= due_until
                )
            on conflict do nothing;
        end loop;
    end if;

    update public.lead_score_rescoring as r
    set planned_until = case when settled then due_until end, planned_model_id = active.id
    where r.only_row;
end;
$$;

comment on function public.queue_stale_customers() is
'Part of rescore_stale_customers(): puts those who are due by now into lead_score_rescoring_due.';

create or replace procedure public.rescore_stale_customers(
    batch_size integer default 50000,
    inout rescored bigint default null,
    inout more boolean default null
)
language plpgsql
security definer
set search_path = ''
as $$
declare
    queued boolean;
begin
    rescored := 0;
    more := false;

    if batch_size >= 1 is not true then
        raise exception 'a batch holds one customer or more, not %', coalesce(batch_size::pg_catalog.text, 'null')
        using errcode = 'invalid_parameter_value', hint = 'Leave batch_size out for 50000.';
    end if;

    -- an old snapshot does not see whom others have scored meanwhile
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'stale customers are rescored at READ COMMITTED alone'
        using errcode = 'feature_not_supported', hint = 'Begin the transaction at READ COMMITTED.';
    end if;

    -- a rollback by hand drops the scoring and leaves the job: it has nothing to do
    if to_regprocedure('public.calculate_lead_score()') is null then
        return;
    end if;

    if not pg_try_advisory_xact_lock(hashtext('public.lead_score_rescoring')) then
        raise notice 'another session is rescoring stale customers: nothing was done here';
        return;
    end if;

    queued := exists (select from public.lead_score_rescoring_due);
    if not queued then
        perform public.queue_stale_customers();
    end if;

    perform public.touch_lead_scores(array(
        select d.customer_id from public.lead_score_rescoring_due as d order by d.customer_id limit batch_size
    ));
    delete from public.lead_score_rescoring_due as d
    where d.customer_id in (
        select n.customer_id from public.lead_score_rescoring_due as n order by n.customer_id limit batch_size
    );
    get diagnostics rescored = row_count;

    more := exists (select from public.lead_score_rescoring_due);
    if not more then
        update public.lead_score_rescoring as r
        set done_until = r.planned_until, model_id = r.planned_model_id
        where r.planned_until is not null;

        -- a queue from an earlier transaction: others have become due since
        more := queued and found;
    end if;
end;
$$;

comment on procedure public.rescore_stale_customers(integer,bigint,boolean) is
'Touches customers whose score time has changed, at most batch_size of them; tells how many (rescored) and whether to
call again (more). Commit between two calls, and nobody waits for long.';

-- ---------------------------------------------------------------- the daily jobs

create or replace function public.schedule_lead_score_jobs(
    refresh_schedule text default null,
    rescore_schedule text default null
)
returns table (job text, schedule text, command text)
language plpgsql
set search_path = ''
as $$
begin
    if not exists (select from pg_catalog.pg_extension as e where e.extname = 'pg_cron') then
        raise exception 'pg_cron is not in database %', current_database()
        using
            errcode = 'feature_not_supported',
            hint = 'Run create extension pg_cron, or rfm db rescore-stale and'
            ' select public.refresh_customer_activity_timeline() from a scheduler outside.';
    end if;

    -- dynamic: the schema cron is there only where the extension is
    execute $cron$
        select cron.schedule(w.job, coalesce(w.schedule, j.schedule, w.usual_schedule), w.command)
        from (
            values
            ('refresh-customer-timeline', $1, '0 2 * * *', 'select public.refresh_customer_activity_timeline()'),
            (
                'rescore-stale-customers',
                $2,
                '30 2 * * *',
                $job$do $run$
declare
    rescored bigint;
    more boolean;
begin
    -- whatever the database's default
    perform set_config('default_transaction_isolation', 'read committed', false);
    loop
        commit;
        call public.rescore_stale_customers(1000, rescored, more);
        exit when not more;
    end loop;
end;
$run$;$job$
            )
        ) as w (job, schedule, usual_schedule, command)
        left join cron.job as j on j.jobname = w.job and j.username = current_user
    $cron$
    using refresh_schedule, rescore_schedule;

    return query execute $cron$
        select j.jobname::pg_catalog.text, j.schedule, j.command
        from cron.job as j
        where j.jobname in ('refresh-customer-timeline', 'rescore-stale-customers') and j.username = current_user
        order by j.jobname
    $cron$;
end;
$$;

comment on function public.schedule_lead_score_jobs(text,text) is
'Has pg_cron refresh the timeline and rescore stale customers: at the given times, or at those it has already, or daily.
Twice is once.';

do $$
begin
    if exists (select from pg_catalog.pg_extension as e where e.extname = 'pg_cron') then
        perform public.schedule_lead_score_jobs();
    end if;
end;
$$;

-- ---------------------------------------------------------------- the state of it all

-- security definer: row-level security on cron.job shows each role its own jobs
create or replace function public.lead_score_health(thorough boolean default true)
returns table (fact text, ok boolean, finding text)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    -- a daily run, and an hour for it
    overdue_since constant timestamp with time zone := now() - interval '25 hours';
    stale bigint;
    overdue bigint;
begin
    if to_regprocedure('public.calculate_lead_score()') is null then
        return query select 'lead scoring', false, 'not installed';
        return;
    end if;

    return query
    select
        'unscored customers',
        count(*) = count(c.last_scored_at),
        count(*) - count(c.last_scored_at) || ' of ' || count(*)
    from public.lead_score_customers as c;

    return query
    select
        'active model',
        count(*) = 1,
        coalesce(min('model ' || a.model_id || ', for ' || extract(day from now() - a.activated_at) || ' days'), 'none')
    from public.lead_score_active_model as a;

    return query
    select
        'last rescoring',
        coalesce(bool_and(coalesce(r.done_until, r.created_at) > now() - interval '2 days'), false),
        coalesce('complete up to ' || max(r.done_until), 'never complete')
        || ', ' || (select count(*) from public.lead_score_rescoring_due) || ' customers waiting'
    from public.lead_score_rescoring as r;

    return query
    select
        'timeline refresh',
        bool_and(r.refreshed_at > now() - interval '2 days'),
        coalesce(
            'last one at ' || max(r.refreshed_at), 'unknown: the last one was not by refresh_customer_activity_timeline()'
        )
    from public.customer_activity_refresh as r
    where
        r.filenode = pg_relation_filenode(to_regclass('public.customer_activity_timeline'))
        -- a function that somebody put in its place records nothing
        and exists (
            select
            from pg_catalog.pg_proc as p
            where
                p.oid = to_regprocedure('public.refresh_customer_activity_timeline()')
                and p.prosrc like '%customer\_activity\_refresh%'
        );

    -- dynamic: the schema cron is there only where the extension is
    if
        exists (select from pg_catalog.pg_extension as e where e.extname = 'pg_cron')
        and has_schema_privilege('cron', 'usage')
    then
        return query execute $cron$
            select
                'job ' || w.job,
                case
                    when j.jobid is null then null -- another scheduler may do it
                    when not j.active or l.status = 'failed' then false
                    else s.succeeded_at > now() - e.every - interval '1 hour'
                end,
                case
                    when j.jobid is null then 'not scheduled in pg_cron'
                    when not j.active then 'switched off'
                    when l.status is null then 'has not run yet'
                    else 'last run ' || l.status || ' at ' || l.start_time
                        || case when l.status = 'failed' then ': ' || coalesce(l.return_message, '') else '' end
                end
            from (values ('refresh-customer-timeline'), ('rescore-stale-customers')) as w (job)
            left join cron.job as j on j.jobname = w.job
            left join lateral (
                select r.status, r.start_time, r.return_message
                from cron.job_run_details as r
                where r.jobid = j.jobid and r.status in ('succeeded', 'failed')
                order by r.runid desc
                limit 1
            ) as l on true
            left join lateral (
                select max(r.start_time) as succeeded_at
                from cron.job_run_details as r
                where r.jobid = j.jobid and r.status = 'succeeded'
            ) as s on true
            cross join lateral regexp_split_to_array(trim(j.schedule), '\s+') as f (field)
            -- at least as often as this, whatever the rest of the expression says
            cross join lateral (
                select case
                    when j.schedule like '@%' or f.field[4] <> '*' then interval '366 days'
                    when f.field[3] <> '*' then interval '31 days'
                    when f.field[5] <> '*' then interval '7 days'
                    when f.field[2] <> '*' then interval '1 day'
                    else interval '1 hour'
                end
            ) as e (every)
            order by w.job
        $cron$;
    else
        return query
        select w.job, null::boolean, 'no pg_cron that the owner may look into'
        from (values ('job refresh-customer-timeline'), ('job rescore-stale-customers')) as w (job);
    end if;

    if not thorough then
        return;
    end if;

    return query
    select 'drift', count(*) = 0, count(*) || ' customers'
    from public.lead_score_drift() as d;

    select count(*)
    into stale
    from public.lead_score_drift(now()) as d
    inner join public.lead_score_customers as c on c.id = d.customer_id
    where c.last_scored_at <= now();

    select count(*)
    into overdue
    from public.lead_score_drift(overdue_since) as d
    inner join public.lead_score_customers as c on c.id = d.customer_id
    where c.last_scored_at <= overdue_since;

    return query
    select 'stale scores', overdue = 0, stale || ' customers, ' || overdue || ' of them for more than 25 hours';
end;
$$;

comment on function public.lead_score_health(boolean) is
'One row a fact: whether all is well (null: cannot be told) and what was found. Without thorough, the two facts are
left out that read every order.';

-- ---------------------------------------------------------------- who may do what

alter table public.lead_score_rescoring enable row level security;
alter table public.lead_score_rescoring_due enable row level security;
alter table public.customer_activity_refresh enable row level security;

-- Supabase grants everything in public to its API roles by default: take it back, then give what is meant.
do $$
declare
    grantee text;
begin
    for grantee in
        select 'public'
        union all
        select quote_ident(r.rolname)
        from pg_catalog.pg_roles as r
        where r.rolname in ('anon', 'authenticated', 'service_role')
    loop
        execute format(
            'revoke all on
                public.lead_score_rescoring,
                public.lead_score_rescoring_due,
                public.customer_activity_refresh
            from %s',
            grantee
        );
        execute format(
            'revoke all on function
                public.queue_stale_customers(),
                public.schedule_lead_score_jobs(text, text),
                public.lead_score_health(boolean)
            from %s',
            grantee
        );
        execute format(
            'revoke all on procedure public.rescore_stale_customers(integer, bigint, boolean) from %s', grantee
        );
    end loop;

    if exists (select from pg_catalog.pg_roles as r where r.rolname = 'service_role') then
        grant select on
        public.lead_score_rescoring, public.lead_score_rescoring_due, public.customer_activity_refresh
        to service_role;
        grant execute on function public.lead_score_health(boolean) to service_role;
        grant execute on procedure public.rescore_stale_customers(integer, bigint, boolean) to service_role;
    end if;
end;
$$;
