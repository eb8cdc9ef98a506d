-- Operations: scores that age are made again when they are due, the state of it all at one look, the daily jobs.
--
-- Needs the three migrations before it.
-- Paste it into a SQL editor, or run `psql --single-transaction --file` with it; a second run does no harm.
-- Undo it with the file of the same name in rollback/, before those of the others.
-- A comment with the word "slot" marks what a mapping of another schema replaces (docs/how-to/map-my-schema.md).

set local lock_timeout = '2s';
set local statement_timeout = '60s';
-- Nothing below finds what somebody else has put into public: an operator or a function that fits better than ours.
set local search_path = '';

-- What is created here belongs to the owner of the customers, whoever runs this.
do $$
begin
    execute format(
        'set local role %I',
        (
            select pg_get_userbyid(c.relowner)
            from pg_catalog.pg_class as c
            where c.oid = /* slot customers_literal */ 'public.customers'::pg_catalog.regclass
        )
    );
end;
$$;

-- ---------------------------------------------------------------- what is known of the last run

create table if not exists public.lead_score_rescoring (
    only_row boolean primary key default true check (only_row),
    done_until timestamptz,
    model_id integer,
    activated_at timestamptz,
    partitions text,
    created_at timestamptz not null default now()
);

comment on table public.lead_score_rescoring is
'How far rescore_stale_customers() has looked: one row. Set done_until to null, and its next run looks at everybody. (rfm)';
comment on column public.lead_score_rescoring.only_row is 'True: there is no second row. (rfm)';
comment on column public.lead_score_rescoring.done_until is
'Customers who had another score at this instant were scored again, or are in lead_score_queue; null: not known. (rfm)';
comment on column public.lead_score_rescoring.model_id is 'The model that was active then. (rfm)';
comment on column public.lead_score_rescoring.activated_at is
'When that model was activated: another one may have been active in between, and have left its scores. (rfm)';
comment on column public.lead_score_rescoring.partitions is
'The partitions of the orders then, with their files: truncating, attaching or detaching one fires no trigger. (rfm)';
comment on column public.lead_score_rescoring.created_at is 'When the migration was applied. (rfm)';

insert into public.lead_score_rescoring default values on conflict do nothing;

-- A restore of data alone meets the row above. Its own may be older than the scores: nothing is known, then.
create or replace function public.restore_lead_score_rescoring()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    update public.lead_score_rescoring as r
    set done_until = null;
    return case when not found then new end;
end;
$$;

comment on function public.restore_lead_score_rescoring() is
'Trigger helper: after a restore, the next run of rescore_stale_customers() looks at everybody. (rfm)';

create or replace trigger restore_lead_score_rescoring
before insert on public.lead_score_rescoring
for each row execute function public.restore_lead_score_rescoring();

comment on trigger restore_lead_score_rescoring on public.lead_score_rescoring is 'There is no second row. (rfm)';

create table if not exists public.customer_activity_refresh (
    only_row boolean primary key default true check (only_row),
    refreshed_at timestamptz not null,
    filenode oid not null
);

comment on table public.customer_activity_refresh is
'The last refresh by refresh_customer_activity_timeline(): no row before the first. (rfm)';
comment on column public.customer_activity_refresh.only_row is 'True: there is no second row. (rfm)';
comment on column public.customer_activity_refresh.refreshed_at is 'The instant that the timeline is true for. (rfm)';
comment on column public.customer_activity_refresh.filenode is
'The timeline''s file then: another one tells of a refresh by other means, at a time that nobody knows. (rfm)';

-- ---------------------------------------------------------------- orders by time

-- Building an index locks its table: waited for a moment only, and only where rfm db apply has not built it before.
-- The same condition as the one of idx_orders_lead_score.
-- slot each_order_table
do $$
begin
    if to_regclass(/* slot order_index_literal */ 'public.idx_orders_lead_score_time') is not null then
        return;
    end if;

    for attempt in 1..30 loop
        begin
            set local lock_timeout = '100ms';
            lock table /* slot order_table */ public.orders in share mode;
            set local lock_timeout = '2s';
            -- slot concurrent_index
            create index if not exists /* slot order_index */ idx_orders_lead_score_time
            on /* slot order_table */ public.orders (/* slot order_time */ created_at)
            include (/* slot order_customer */ customer_id)
            -- slot order_condition
            where
                status is null
                or lower(status collate "C") not in ('cancelled', 'canceled', 'refunded', 'failed', 'void');
            -- slot ends
            -- slot ends
            return;
        exception when lock_not_available then
            perform pg_sleep(0.1);
        end;
    end loop;
    raise exception 'orders could not be locked within some seconds'
    using errcode = 'lock_not_available', hint = 'Nothing was changed. Try again when fewer write to them.';
end;
$$;

comment on index /* slot order_index */ public.idx_orders_lead_score_time is
'The orders of lead_score_orders by time: whose recency changes within a day, without looking at everybody. (rfm)';
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
    active pg_catalog.record;
    settled boolean := true;
    found_partitions pg_catalog.text;
    seen_until timestamp with time zone;
    age interval;
begin
    select m.id, m.recency, a.activated_at
    into active
    from public.lead_score_active_model as a
    inner join public.lead_score_models as m on m.id = a.model_id;

    select string_agg(format('%s:%s', p.relid::pg_catalog.oid, pg_relation_filenode(p.relid)), ' ' order by p.relid)
    into found_partitions
    from pg_catalog.pg_trigger as t
    cross join pg_partition_tree(t.tgrelid) as p
    where t.tgname = 'recalculate_lead_score_on_order_change' and t.tgparentid = 0;

    -- a transaction that scored before due_until, perhaps with the model before, and has not committed, is seen by
    -- no query below: wait for it, or leave done_until where it is, so that the next run looks there again
    begin
        perform public.wait_for_lead_score_writers(interval '5 seconds');
    exception when lock_not_available then
        settled := false;
    end;

    -- a little of the last run again: a clock may have been set back; further back, nothing is known
    select r.done_until - interval '1 hour'
    into seen_until
    from public.lead_score_rescoring as r
    where
        r.model_id = active.id
        and r.activated_at = active.activated_at
        and r.partitions is not distinct from found_partitions
        and r.done_until <= due_until;

    if seen_until is null or exists (
        select
        from public.lead_score_customers as c
        where (c.lead_score < 6 or c.lead_score is null) and c.last_scored_at is null
    ) then
        insert into public.lead_score_queue (customer_id, sqlstate)
        select d.customer_id, '00000'
        from public.lead_score_drift(due_until) as d
        inner join public.lead_score_customers as c on c.id = d.customer_id
        where c.last_scored_at <= due_until -- a score for an instant to come is not old
        union all
        select c.id, '00000'
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
            insert into public.lead_score_queue (customer_id, sqlstate)
            select distinct o.customer_id, '00000'
            from public.lead_score_orders as o
            where
                o.ordered_at > seen_until - age
                and o.ordered_at <= due_until - age
                -- no join: the planner would read all customers rather than look some hundreds up
                and (
                    select c.last_scored_at
                    from public.lead_score_customers as c
                    where c.id = o.customer_id
                ) < o.ordered_at + age
                and not exists (
                    select
                    from public.lead_score_orders as n
                    where
                        n.customer_id = o.customer_id
                        and n.ordered_at > o.ordered_at
                        and n.ordered_at <= due_until
                );
        end loop;
    end if;

    update public.lead_score_rescoring as r
    set
        done_until = due_until,
        model_id = active.id,
        activated_at = active.activated_at,
        partitions = found_partitions
    where r.only_row and settled;
end;
$$;

comment on function public.queue_stale_customers() is
'Part of rescore_stale_customers(): puts those whose score time has changed into lead_score_queue. (rfm)';

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

    -- an old snapshot does not see whom others have scored meanwhile
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'stale customers are rescored at READ COMMITTED alone'
        using errcode = 'feature_not_supported', hint = 'Begin the transaction at READ COMMITTED.';
    end if;

    -- a rollback by hand drops the scoring and leaves the job: it has nothing to do
    if to_regprocedure('public.calculate_lead_score()') is null then
        return;
    end if;

    -- a row that only the owner can lock: an advisory lock is anybody's
    perform from public.lead_score_rescoring as r for update skip locked;
    if not found then
        raise notice 'another session is rescoring stale customers: nothing was done here';
        return;
    end if;

    queued := exists (select from public.lead_score_queue as q where q.sqlstate = '00000');
    if not queued then
        perform public.queue_stale_customers();
    end if;

    -- untried alone: who cannot be scored does not keep a run going
    select q.scored, q.waiting > 0
    into rescored, more
    from public.score_queued_customers(batch_size, '-infinity'::timestamp with time zone) as q;

    -- a queue from an earlier transaction: others have become due since
    more := more or queued;
end;
$$;

comment on procedure public.rescore_stale_customers(integer,bigint,boolean) is
'Scores customers whose score time has changed, and those who wait in lead_score_queue, at most batch_size of them;
returns how many (rescored) and whether to call again (more). Commit between two calls, and nobody waits for long. (rfm)';

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
            ('score-queued-customers', null, '* * * * *', 'select public.score_queued_customers(50000, clock_timestamp())'),
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
        where
            j.jobname in ('refresh-customer-timeline', 'rescore-stale-customers', 'score-queued-customers')
            and j.username = current_user
        order by j.jobname
    $cron$;
end;
$$;

comment on function public.schedule_lead_score_jobs(text,text) is
'Schedules three jobs with pg_cron: refresh the timeline and rescore stale customers, at the given times, or at those that
the jobs have, or daily; and score the queued customers, each minute. A second call changes nothing more. (rfm)';

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
    from public.lead_score_rescoring as r;

    return query
    select
        'queue',
        coalesce(min(q.queued_at) > clock_timestamp() - interval '10 minutes', true),
        case
            when count(*) = 0 then 'empty'
            else format(
                '%s waiting since %s (%s)',
                sum(q.number),
                min(q.queued_at),
                string_agg(q.sqlstate || ': ' || q.number, ', ' order by q.sqlstate)
            )
        end
    from (
        select c.sqlstate, count(*) as number, min(c.queued_at) as queued_at
        from (
            select min(w.sqlstate) as sqlstate, min(w.queued_at) as queued_at
            from public.lead_score_queue as w
            group by w.customer_id
        ) as c
        group by c.sqlstate
    ) as q;

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
            from (
                values ('refresh-customer-timeline'), ('rescore-stale-customers'), ('score-queued-customers')
            ) as w (job)
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
        from (
            values
            ('job refresh-customer-timeline'),
            ('job rescore-stale-customers'),
            ('job score-queued-customers')
        ) as w (job);
    end if;

    if not thorough then
        return;
    end if;

    return query
    select 'drift', count(*) = 0, count(*) || ' customers'
    from public.lead_score_drift(null::timestamp with time zone) as d;

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
'One row per fact: whether it is as it should be (null: unknown), and what was found. With thorough => false, without the
two facts that read every order. (rfm)';

-- ---------------------------------------------------------------- who may do what

alter table public.lead_score_rescoring enable row level security;
alter table public.customer_activity_refresh enable row level security;

-- Default privileges give rights to whomever they name: take them all back, then give what is meant.
do $$
declare
    revoke_one text;
begin
    for revoke_one in
        select format('revoke all on %s %s from %s cascade', o.kind, o.name, coalesce(quote_ident(r.rolname), 'public'))
        from (
            values
            ('table', 'public.lead_score_rescoring'),
            ('table', 'public.customer_activity_refresh'),
            ('function', 'public.restore_lead_score_rescoring()'),
            ('function', 'public.queue_stale_customers()'),
            ('function', 'public.schedule_lead_score_jobs(text, text)'),
            ('function', 'public.lead_score_health(boolean)'),
            ('procedure', 'public.rescore_stale_customers(integer, bigint, boolean)')
        ) as o (kind, name)
        -- PostgreSQL 15 fails on a name of the other kind
        left join pg_catalog.pg_class as c
            on c.oid = case when o.kind in ('table', 'sequence') then to_regclass(o.name) end
        left join pg_catalog.pg_proc as p
            on p.oid = case when o.kind in ('function', 'procedure') then to_regprocedure(o.name) end
        cross join aclexplode(coalesce(c.relacl, p.proacl, acldefault('f', p.proowner))) as a
        left join pg_catalog.pg_roles as r on r.oid = a.grantee
        where a.grantee <> coalesce(c.relowner, p.proowner)
        group by o.kind, o.name, r.rolname
    loop
        execute revoke_one;
    end loop;

    if exists (select from pg_catalog.pg_roles as r where r.rolname = 'service_role') then
        grant select on public.lead_score_rescoring, public.customer_activity_refresh to service_role;
        grant execute on function public.lead_score_health(boolean) to service_role;
        grant execute on procedure public.rescore_stale_customers(integer, bigint, boolean) to service_role;
    end if;
end;
$$;

-- The jobs belong to whoever runs this: the owner of the customers may be a role that cannot log in.
reset role;

do $$
begin
    if exists (select from pg_catalog.pg_extension as e where e.extname = 'pg_cron') then
        perform public.schedule_lead_score_jobs(null::text, null::text);
    end if;
end;
$$;
