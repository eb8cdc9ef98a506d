-- Lead score history: each change of a score, for people who ask and for programs that follow. Opt-in.
--
-- Needs the migration 20250115000001_create_lead_scoring. It writes nobody's first row: from now on, changes are recorded.
-- Paste it into a SQL editor, or run `psql --single-transaction --file` with it; a second run does no harm.
-- Undo it with the file of the same name in rollback/.
-- A comment with the word "slot" marks what a mapping of another schema replaces (docs/how-to/map-my-schema.md).

set local lock_timeout = '2s';
set local statement_timeout = '60s';
-- Nothing below finds what somebody else has put into public: an operator or a function that fits better than ours.
set local search_path = '';

-- What is created here belongs to the owner of the customers, whoever runs this, and so do the definer's rights.
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

-- The trigger needs this lock; waited for a moment only, so that nobody who writes customers waits long.
do $$
begin
    for attempt in 1..30 loop
        begin
            set local lock_timeout = '100ms';
            lock table /* slot customers */ public.customers in share row exclusive mode;
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

-- ---------------------------------------------------------------- the log

create table if not exists public.lead_score_history (
    event_id bigint generated always as identity primary key,
    xid xid8 not null default pg_current_xact_id(),
    occurred_at timestamptz not null,
    customer_id /* slot key_type */ uuid not null,
    cause text not null,
    model_id integer,
    segment_map_id integer,
    old_recency smallint,
    old_frequency smallint,
    old_monetary smallint,
    old_score smallint,
    old_prospect boolean,
    new_recency smallint not null,
    new_frequency smallint not null,
    new_monetary smallint not null,
    new_score smallint not null,
    new_prospect boolean,
    constraint lead_score_history_cause check (
        cause in ('order', 'customer_edit', 'time', 'model', 'map', 'backfill', 'baseline')
    )
);

comment on table public.lead_score_history is
'Each change of a customer''s scores, and the log that lead_score_events_next() reads. Rows are inserted, and deleted by
prune_lead_score_history(); never updated. No names, no amounts. (rfm)';
comment on column public.lead_score_history.event_id is
'The number of the event. The events of one customer have ascending numbers; those of two may commit in another order. (rfm)';
comment on column public.lead_score_history.xid is 'The transaction that changed the score. (rfm)';
comment on column public.lead_score_history.occurred_at is
'The last_scored_at of the new score: the instant that it is true for. (rfm)';
comment on column public.lead_score_history.customer_id is 'The customer, who may have been deleted since. (rfm)';
comment on column public.lead_score_history.cause is
'order: an order was written. customer_edit: the customer''s row was written. time: the newest order has aged. model, map:
another model or segment map is active. backfill: somebody had the score made again. baseline: the first row of a customer,
at somebody''s wish. (rfm)';
comment on column public.lead_score_history.model_id is 'The model that the new scores are made with. (rfm)';
comment on column public.lead_score_history.segment_map_id is
'The segment map that was active; null: the database has no segment maps. (rfm)';
comment on column public.lead_score_history.old_recency is 'Recency score before; null: there was none. (rfm)';
comment on column public.lead_score_history.old_frequency is 'Frequency score before. (rfm)';
comment on column public.lead_score_history.old_monetary is 'Monetary score before. (rfm)';
comment on column public.lead_score_history.old_score is 'Lead score before; null: the customer had none. (rfm)';
comment on column public.lead_score_history.old_prospect is
'True: no order counted before; null: not known, or the database has no segment maps. (rfm)';
comment on column public.lead_score_history.new_recency is 'Recency score after. (rfm)';
comment on column public.lead_score_history.new_frequency is 'Frequency score after. (rfm)';
comment on column public.lead_score_history.new_monetary is 'Monetary score after. (rfm)';
comment on column public.lead_score_history.new_score is 'Lead score after. (rfm)';

comment on column public.lead_score_history.new_prospect is 'True: no order counts after; null: as before. (rfm)';
comment on sequence public.lead_score_history_event_id_seq is 'The numbers of the events. (rfm)';

create index if not exists idx_lead_score_history_customer
on public.lead_score_history (customer_id, event_id);
comment on index public.idx_lead_score_history_customer is 'The events of one customer, in their order. (rfm)';

create index if not exists idx_lead_score_history_time
on public.lead_score_history using brin (occurred_at) with (pages_per_range = 32);
comment on index public.idx_lead_score_history_time is 'The events of a period; small, because rows are written in its order. (rfm)';

create table if not exists public.lead_score_history_state (
    only_row boolean primary key default true check (only_row),
    recorded_since timestamptz not null default clock_timestamp(),
    system_identifier bigint not null default (pg_control_system()).system_identifier,
    restored_until bigint not null default 0,
    restored_xmax xid8 not null default '0'
);

comment on table public.lead_score_history_state is 'Since when the history is complete, and on which server: one row. (rfm)';
comment on column public.lead_score_history_state.only_row is 'True: there is no second row. (rfm)';
comment on column public.lead_score_history_state.recorded_since is
'Every change after this instant is in lead_score_history. (rfm)';
comment on column public.lead_score_history_state.system_identifier is
'The server that the transaction ids are of: another one tells of a restore. (rfm)';
comment on column public.lead_score_history_state.restored_until is
'Events up to this one were there when the restore was noticed. (rfm)';
comment on column public.lead_score_history_state.restored_xmax is
'Among those, events of this transaction or a later one are of the server before, and visible to everybody here. (rfm)';

insert into public.lead_score_history_state default values on conflict do nothing;

-- A restore of data alone meets the row above: what was restored is right, so that the restore is noticed.
create or replace function public.restore_lead_score_history_state()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    restored constant pg_catalog.record := new;
begin
    update public.lead_score_history_state as s
    set
        recorded_since = restored.recorded_since,
        system_identifier = restored.system_identifier,
        restored_until = restored.restored_until,
        restored_xmax = restored.restored_xmax;
    return case when not found then new end;
end;
$$;

comment on function public.restore_lead_score_history_state() is
'Trigger helper: a restored state takes the place of the one that is there. (rfm)';

create or replace trigger restore_lead_score_history_state
before insert on public.lead_score_history_state
for each row execute function public.restore_lead_score_history_state();

comment on trigger restore_lead_score_history_state on public.lead_score_history_state is 'There is no second row. (rfm)';

-- ---------------------------------------------------------------- writing it

-- lock_timeout: whoever writes a customer does not wait for somebody who maintains this table.
create or replace function public.append_lead_score_events(
    customer_id /* slot key_type */ uuid,
    cause text,
    occurred_at timestamptz,
    before integer[],
    with_model integer[],
    after integer[],
    was_prospect boolean,
    is_prospect boolean
)
returns void
language plpgsql
security definer
set search_path = ''
set lock_timeout = '100ms'
as $$
declare
    active_model constant integer := (select a.model_id from public.lead_score_active_model as a);
    active_map integer;
begin
    -- another migration brings it
    if to_regclass('public.lead_score_active_segment_map') is not null then
        select a.map_id into active_map from public.lead_score_active_segment_map as a;
    end if;

    if with_model <> before then
        insert into public.lead_score_history (
            occurred_at, customer_id, cause, model_id, segment_map_id,
            old_recency, old_frequency, old_monetary, old_score, old_prospect,
            new_recency, new_frequency, new_monetary, new_score, new_prospect
        )
        values (
            append_lead_score_events.occurred_at, append_lead_score_events.customer_id, 'model', active_model, active_map,
            before[1], before[2], before[3], before[4], was_prospect,
            with_model[1], with_model[2], with_model[3], with_model[4], was_prospect
        );
        before := with_model;
        if before = after and was_prospect is not distinct from is_prospect then
            return;
        end if;
    end if;

    insert into public.lead_score_history (
        occurred_at, customer_id, cause, model_id, segment_map_id,
        old_recency, old_frequency, old_monetary, old_score, old_prospect,
        new_recency, new_frequency, new_monetary, new_score, new_prospect
    )
    values (
        append_lead_score_events.occurred_at, append_lead_score_events.customer_id,
        append_lead_score_events.cause, active_model, active_map,
        before[1], before[2], before[3], before[4], was_prospect,
        after[1], after[2], after[3], after[4], is_prospect
    );
end;
$$;

comment on function public.append_lead_score_events(/* slot key_type */ uuid,text,timestamptz,integer[],integer[],integer[],boolean,boolean) is
'Part of record_lead_score_change(): writes the event of a change, and before it one for the part of it that another model
explains, if any. Scores are recency, frequency, monetary and lead score. (rfm)';

create or replace function public.lead_scores_with_active_model(customer_id /* slot key_type */ uuid, as_of timestamptz)
returns integer[]
language plpgsql
security definer
set search_path = ''
as $$
declare
    model public.lead_score_models%rowtype;
    scores integer[];
begin
    select m.*
    into model
    from public.lead_score_models as m
    where m.id = (select a.model_id from public.lead_score_active_model as a);

    select array[
        1 + coalesce(
            width_bucket(
                -extract(day from as_of - nullif(max(o.ordered_at), '-infinity'))::integer, model.recency_negated
            ),
            0
        ),
        1 + case when count(*) > 0 then width_bucket(count(*), model.frequency) else 0 end,
        1 + case
            when count(*) > 0 and coalesce(sum(o.amount), 0) >= 0
                then width_bucket(coalesce(sum(o.amount), 0), model.monetary)
            else 0
        end
    ]
    into scores
    from public.lead_score_orders as o
    where
        o.customer_id = lead_scores_with_active_model.customer_id
        and o.ordered_at <= lead_scores_with_active_model.as_of;

    return array[
        scores[1],
        scores[2],
        scores[3],
        model.weights[1] * scores[1] + model.weights[2] * scores[2] + model.weights[3] * scores[3]
    ];
end;
$$;

comment on function public.lead_scores_with_active_model(/* slot key_type */ uuid,timestamptz) is
'Part of record_lead_score_change(): recency, frequency, monetary and lead score that the active model gives a customer
as of an instant. (rfm)';

-- It compares in its body: a condition of the trigger that names a score would keep the score from being dropped.
create or replace function public.record_lead_score_change()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    -- of our type: a call with another one could meet somebody else's function
    customer constant pg_catalog./* slot key_type */ uuid := new./* slot key */ id;
    calls pg_catalog.text;
    cause pg_catalog.text;
    another_model boolean;
    before integer[];
    with_model integer[];
    after integer[];
    was_prospect boolean;
    is_prospect boolean;
begin
    -- a rollback by hand drops the scoring and leaves this trigger: customers can still be written
    if to_regprocedure('public.calculate_lead_score()') is null then
        return null;
    end if;

    -- another migration brings the column; scores above 6 are no prospect's
    if to_regclass('public.lead_score_active_segment_map') is not null then
        is_prospect := new.rfm_prospect;
        if tg_op = 'UPDATE' then
            was_prospect := old.rfm_prospect;
        end if;
    end if;

    if tg_op = 'UPDATE' then
        if
            new.lead_score is not distinct from old.lead_score
            and new.rfm_recency is not distinct from old.rfm_recency
            and new.rfm_frequency is not distinct from old.rfm_frequency
            and new.rfm_monetary is not distinct from old.rfm_monetary
            and (was_prospect is null or is_prospect is not distinct from was_prospect)
        then
            return null;
        end if;
        if old.lead_score > 0 then
            before := array[old.rfm_recency, old.rfm_frequency, old.rfm_monetary::integer, old.lead_score];
        end if;
    end if;

    -- not scored: the customer waits in the queue
    if new.lead_score > 0 is not true then
        return null;
    end if;
    after := array[new.rfm_recency, new.rfm_frequency, new.rfm_monetary::integer, new.lead_score];

    -- five minutes: as far as a score may lie ahead of the clock
    another_model := before is not null and exists (
        select
        from public.lead_score_active_model as a
        where a.activated_at > old.last_scored_at - interval '5 minutes'
    );

    -- who asked for the score: from the calls, for anybody can set a setting
    get diagnostics calls = pg_context;
    if strpos(calls, 'public.score_customers_of_orders(') > 0 then
        cause := 'order';
    elsif strpos(calls, 'public.score_queued_customers(') > 0 then
        -- time takes away from recency, and from nothing else
        cause := case when after[1] < before[1] and after[2:3] = before[2:3] then 'time' else 'order' end;
    elsif strpos(calls, 'touch_lead_scores(') > 0 then
        cause := case when another_model then 'model' else 'backfill' end;
        another_model := false;
    else
        cause := 'customer_edit';
    end if;

    if another_model then
        with_model := public.lead_scores_with_active_model(customer, old.last_scored_at);
    end if;

    -- whoever scores others notes an error and goes on; whoever writes a customer must not fail
    if cause <> 'customer_edit' then
        perform public.append_lead_score_events(
            customer, cause, new.last_scored_at, before, with_model, after,
            was_prospect, is_prospect
        );
        return null;
    end if;

    begin
        perform public.append_lead_score_events(
            customer, cause, new.last_scored_at, before, with_model, after,
            was_prospect, is_prospect
        );
    exception when others then
        -- record_lead_score_baseline() finds who is missing
        null;
    end;
    return null;
end;
$$;

comment on function public.record_lead_score_change() is
'Row trigger on customers: writes an event into lead_score_history where a score has changed. Never refuses a customer. (rfm)';

create or replace trigger record_lead_score_change
after insert or update on /* slot customers */ public.customers
for each row execute function public.record_lead_score_change();

comment on trigger record_lead_score_change on /* slot customers */ public.customers is 'Records a change of the scores. (rfm)';

create or replace function public.record_lead_score_baseline(
    after_customer /* slot key_type */ uuid default null,
    batch_size integer default 1000
)
returns table (recorded bigint, last_customer /* slot key_type */ uuid)
language plpgsql
security definer
set search_path = ''
as $$
declare
    portion pg_catalog./* slot key_type */ uuid[];
    active_map integer;
begin
    if batch_size >= 1 is not true then
        raise exception 'a batch holds one customer or more, not %', coalesce(batch_size::pg_catalog.text, 'null')
        using errcode = 'invalid_parameter_value', hint = 'Leave batch_size out for 1000.';
    end if;

    portion := array(
        select c./* slot key */ id
        from /* slot customers */ public.customers as c
        where after_customer is null or c./* slot key */ id > after_customer
        order by c./* slot key */ id
        limit batch_size
    );
    last_customer := portion[cardinality(portion)];

    -- another migration brings it
    if to_regclass('public.lead_score_active_segment_map') is not null then
        select a.map_id into active_map from public.lead_score_active_segment_map as a;
    end if;

    -- locked, so that no newer event gets a smaller number
    perform
    from /* slot customers */ public.customers as c
    where c./* slot key */ id = any (portion)
    order by c./* slot key */ id
    for no key update;

    insert into public.lead_score_history (
        occurred_at, customer_id, cause, model_id, segment_map_id,
        old_recency, old_frequency, old_monetary, old_score, old_prospect,
        new_recency, new_frequency, new_monetary, new_score, new_prospect
    )
    select
        c.last_scored_at,
        c./* slot key */ id,
        'baseline',
        (select a.model_id from public.lead_score_active_model as a),
        active_map,
        h.new_recency, h.new_frequency, h.new_monetary, h.new_score, h.new_prospect,
        c.rfm_recency, c.rfm_frequency, c.rfm_monetary, c.lead_score,
        case when active_map is not null then (to_jsonb(c) ->> 'rfm_prospect')::boolean end
    from /* slot customers */ public.customers as c
    left join lateral (
        select e.*
        from public.lead_score_history as e
        where e.customer_id = c./* slot key */ id
        order by e.event_id desc
        limit 1
    ) as h on true
    where
        c./* slot key */ id = any (portion)
        and c.lead_score > 0
        and (h.new_recency, h.new_frequency, h.new_monetary, h.new_score)
        is distinct from (c.rfm_recency, c.rfm_frequency, c.rfm_monetary, c.lead_score);
    get diagnostics recorded = row_count;

    return next;
end;
$$;

comment on function public.record_lead_score_baseline(/* slot key_type */ uuid,integer) is
'Writes an event for each customer whose newest one is missing, or is not the stored score. Takes the next batch_size
customers after the given one; returns how many it wrote, and the last customer that it looked at (null: no more). (rfm)';

-- ---------------------------------------------------------------- reading it

create or replace function public.lead_score_segment(
    map_id integer,
    recency integer,
    frequency integer,
    monetary integer,
    is_prospect boolean
)
returns text
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
    if map_id is null or recency is null then
        return null;
    elsif recency + frequency + monetary = 3 and is_prospect is not false then
        return case when is_prospect then 'prospect' end;
    end if;

    return (
        select m.cells[(recency - 1) * 25 + (frequency - 1) * 5 + monetary]
        from public.lead_score_segment_maps as m
        where m.id = map_id
    );
end;
$$;

comment on function public.lead_score_segment(integer,integer,integer,integer,boolean) is
'The key of the segment of three scores by a stored segment map; null: not scored, or it is not known. (rfm)';

create or replace view public.lead_score_history_events as
select
    h.event_id,
    h.xid,
    h.occurred_at,
    h.customer_id,
    case
        when h.old_score is null then 'scored'
        when h.old_category is distinct from h.new_category then 'category_changed'
        when h.old_segment <> h.new_segment then 'segment_changed'
        else 'score_changed'
    end as type,
    h.cause,
    h.model_id,
    h.segment_map_id,
    h.old_recency,
    h.old_frequency,
    h.old_monetary,
    h.old_score,
    h.old_category,
    h.old_segment,
    h.new_recency,
    h.new_frequency,
    h.new_monetary,
    h.new_score,
    h.new_category,
    h.new_segment
from (
    select
        e.*,
        case
            when e.old_score >= 24 then 'Hot'
            when e.old_score >= 18 then 'Warm'
            when e.old_score >= 12 then 'Cool'
            when e.old_score >= 6 then 'Cold'
        end as old_category,
        case
            when e.new_score >= 24 then 'Hot'
            when e.new_score >= 18 then 'Warm'
            when e.new_score >= 12 then 'Cool'
            else 'Cold'
        end as new_category,
        public.lead_score_segment(
            e.segment_map_id, e.old_recency::integer, e.old_frequency::integer, e.old_monetary::integer, e.old_prospect
        ) as old_segment,
        public.lead_score_segment(
            e.segment_map_id, e.new_recency::integer, e.new_frequency::integer, e.new_monetary::integer, e.new_prospect
        ) as new_segment
    from public.lead_score_history as e
) as h;

comment on view public.lead_score_history_events is
'lead_score_history with the type of each event and the categories. For the owner: it shows every customer. (rfm)';

-- security invoker: the view below reads the log as its owner, and asks here as the reader.
create or replace function public.may_see_customer(customer_id /* slot key_type */ uuid)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
    return exists (
        select
        from /* slot customers */ public.customers as c
        where c./* slot key */ id = may_see_customer.customer_id
    );
end;
$$;

comment on function public.may_see_customer(/* slot key_type */ uuid) is
'Whether the caller may see this customer, by the row-level security of the customers. (rfm)';

create or replace view public.lead_score_events
with (security_barrier = true) as
select e.*
from public.lead_score_history_events as e
where public.may_see_customer(e.customer_id);

comment on view public.lead_score_events is
'The events of the customers that the reader may see: lead_score_history with type and categories. One row an event. (rfm)';

-- The score before the first change after an instant is the score at that instant.
create or replace function public.lead_scores_at(as_of timestamptz)
returns table (
    customer_id /* slot key_type */ uuid,
    rfm_recency integer,
    rfm_frequency integer,
    rfm_monetary integer,
    lead_score integer,
    rfm_prospect boolean
)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    recorded_since constant timestamp with time zone := (select s.recorded_since from public.lead_score_history_state as s);
begin
    if as_of >= recorded_since is not true then
        raise exception 'the history begins at %, and % is before it', recorded_since, coalesce(as_of::pg_catalog.text, 'null')
        using errcode = 'invalid_parameter_value', hint = 'Ask for a later instant.';
    end if;

    return query
    with later as (
        select distinct on (h.customer_id)
            h.customer_id, h.old_recency, h.old_frequency, h.old_monetary, h.old_score, h.old_prospect
        from public.lead_score_history as h
        where h.occurred_at > lead_scores_at.as_of and h.cause <> 'baseline'
        order by h.customer_id, h.event_id
    )

    select
        c./* slot key */ id,
        case when l.customer_id is null then c.rfm_recency else l.old_recency end,
        case when l.customer_id is null then c.rfm_frequency else l.old_frequency end,
        case when l.customer_id is null then c.rfm_monetary::integer else l.old_monetary end,
        case when l.customer_id is null then nullif(c.lead_score, 0) else l.old_score end,
        case
            when l.customer_id is not null then l.old_prospect
            -- the column is another migration's, and matters here alone
            when c.lead_score = 6 then (to_jsonb(c) ->> 'rfm_prospect')::boolean
        end
    from /* slot customers */ public.customers as c
    left join later as l on l.customer_id = c./* slot key */ id;
end;
$$;

comment on function public.lead_scores_at(timestamptz) is
'The scores of every customer at an instant, by the history; null: not scored then. One row a customer that exists now. (rfm)';

create or replace function public.lead_score_moves(starts timestamptz, ends timestamptz)
returns table (
    customer_id /* slot key_type */ uuid,
    score_before integer,
    category_before text,
    score_after integer,
    category_after text,
    segment_before text,
    segment_after text,
    change text
)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    active_map integer;
begin
    if starts <= ends is not true then
        raise exception 'a period begins before it ends, not from % to %',
        coalesce(starts::pg_catalog.text, 'null'), coalesce(ends::pg_catalog.text, 'null')
        using errcode = 'invalid_parameter_value';
    end if;

    -- one map for both: a change of the map moves nobody
    if to_regclass('public.lead_score_active_segment_map') is not null then
        select a.map_id into active_map from public.lead_score_active_segment_map as a;
    end if;

    return query
    with by_model as (
        select distinct h.customer_id
        from public.lead_score_history_events as h
        where
            h.occurred_at > starts
            and h.occurred_at <= ends
            and h.cause = 'model'
            and (h.old_category is distinct from h.new_category or h.old_segment <> h.new_segment)
    )

    select
        b.customer_id,
        b.lead_score,
        case
            when b.lead_score >= 24 then 'Hot'
            when b.lead_score >= 18 then 'Warm'
            when b.lead_score >= 12 then 'Cool'
            when b.lead_score >= 6 then 'Cold'
            else 'not scored'
        end,
        a.lead_score,
        case
            when a.lead_score >= 24 then 'Hot'
            when a.lead_score >= 18 then 'Warm'
            when a.lead_score >= 12 then 'Cool'
            when a.lead_score >= 6 then 'Cold'
            else 'not scored'
        end,
        coalesce(
            public.lead_score_segment(active_map, b.rfm_recency, b.rfm_frequency, b.rfm_monetary, b.rfm_prospect),
            'not scored'
        ),
        coalesce(
            public.lead_score_segment(active_map, a.rfm_recency, a.rfm_frequency, a.rfm_monetary, a.rfm_prospect),
            'not scored'
        ),
        case when m.customer_id is null then 'customer' else 'model' end
    from public.lead_scores_at(starts) as b
    inner join public.lead_scores_at(ends) as a on a.customer_id = b.customer_id
    left join by_model as m on m.customer_id = b.customer_id;
end;
$$;

comment on function public.lead_score_moves(timestamptz,timestamptz) is
'Score and category of every customer at the start and at the end of a period. change: model where another model moved the
customer to another category or segment within it, otherwise customer. Segments by the active map, at both. (rfm)';

create or replace function public.lead_score_trends(days integer default 30)
returns table (customer_id /* slot key_type */ uuid, change integer, trend text)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    starts constant timestamp with time zone := now() - days * interval '24 hours';
    recorded constant boolean := (select s.recorded_since <= starts from public.lead_score_history_state as s);
begin
    return query
    with changes as (
        select
            h.customer_id,
            sum(h.new_score - h.old_score) filter (where h.cause not in ('model', 'map', 'baseline'))::integer as change,
            bool_or(h.old_score is null) as is_new
        from public.lead_score_history as h
        where h.occurred_at > starts
        group by h.customer_id
    )

    select
        c./* slot key */ id,
        case when recorded then coalesce(g.change, 0) end,
        case
            when not recorded or g.is_new or c.lead_score > 0 is not true then 'unknown'
            when g.change > 0 then 'improving'
            when g.change < 0 then 'declining'
            else 'steady'
        end
    from /* slot customers */ public.customers as c
    left join changes as g on g.customer_id = c./* slot key */ id;
end;
$$;

comment on function public.lead_score_trends(integer) is
'By how much each customer''s score has changed within the last days, without what another model did: improving, steady,
declining; unknown where the history is shorter, or the customer had no score then. (rfm)';

-- ---------------------------------------------------------------- following it

create table if not exists public.lead_score_consumers (
    consumer text primary key,
    done_snapshot pg_snapshot,
    done_until bigint not null default 0,
    next_until bigint not null default 0,
    next_xmax xid8,
    window_snapshot pg_snapshot,
    window_until bigint,
    window_number bigint,
    position bigint not null default 0,
    batch_until bigint,
    claimed_by integer,
    active_at timestamptz not null default clock_timestamp(),
    created_at timestamptz not null default clock_timestamp()
);

comment on table public.lead_score_consumers is 'Who follows the events, and how far each has come. (rfm)';
comment on column public.lead_score_consumers.consumer is 'The name that it gives to lead_score_events_next(). (rfm)';
comment on column public.lead_score_consumers.done_snapshot is
'Events that this snapshot sees are done; null: those up to done_until. (rfm)';
comment on column public.lead_score_consumers.done_until is
'Every event up to this number is done, or will never be: where prune may delete, and where to go on after a restore. (rfm)';
comment on column public.lead_score_consumers.next_until is 'The next value of done_until. (rfm)';
comment on column public.lead_score_consumers.next_xmax is
'When every transaction before this one has ended: later ones draw greater numbers than next_until. (rfm)';
comment on column public.lead_score_consumers.window_snapshot is
'Events that this snapshot sees, and done_snapshot does not, are handed out now, in batches; null: none. (rfm)';
comment on column public.lead_score_consumers.window_until is 'No event of the window has a greater number. (rfm)';
comment on column public.lead_score_consumers.window_number is 'The newest number that was drawn before the window''s snapshot. (rfm)';
comment on column public.lead_score_consumers.position is 'The last event of the window that is done. (rfm)';
comment on column public.lead_score_consumers.batch_until is 'The last event of the open batch; null: no batch is open. (rfm)';
comment on column public.lead_score_consumers.claimed_by is 'The process id of the session that has the open batch. (rfm)';
comment on column public.lead_score_consumers.active_at is 'When it last asked, to a minute. (rfm)';
comment on column public.lead_score_consumers.created_at is 'When it first asked. (rfm)';

-- The ids of stored transactions mean nothing on another server: found out here, before anything is compared with them.
create or replace function public.notice_lead_score_restore()
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
    here constant bigint := (pg_control_system()).system_identifier;
    number bigint;
begin
    if exists (select from public.lead_score_history_state as s where s.system_identifier = here) then
        return;
    end if;

    perform from public.lead_score_history_state as s where s.system_identifier <> here for update;
    if not found then
        return;
    end if;

    -- in this order: a transaction that the snapshot does not know draws a greater number
    select s.last_value into number from public.lead_score_history_event_id_seq as s;
    update public.lead_score_history_state as s
    set system_identifier = here, restored_until = number, restored_xmax = pg_snapshot_xmax(pg_current_snapshot());
    update public.lead_score_consumers as c
    set
        done_snapshot = null,
        next_until = c.done_until,
        next_xmax = null,
        window_snapshot = null,
        batch_until = null,
        claimed_by = null;
end;
$$;

comment on function public.notice_lead_score_restore() is
'Part of lead_score_events_next() and prune: after a restore on another server, every consumer goes on behind its
done_until, and gets some events again rather than miss one. (rfm)';

create or replace function public.claim_lead_score_consumer(consumer text)
returns public.lead_score_consumers
language plpgsql
security definer
set search_path = ''
as $$
declare
    me public.lead_score_consumers%rowtype;
begin
    begin
        select c.* into me
        from public.lead_score_consumers as c
        where c.consumer = claim_lead_score_consumer.consumer
        for update nowait;
    exception when lock_not_available then
        raise exception 'consumer % is busy: another session works on it', consumer
        using errcode = 'lock_not_available', hint = 'Try again later; one session at a time takes its batches.';
    end;

    if me.batch_until is not null and me.claimed_by <> pg_backend_pid() and exists (
        select from pg_catalog.pg_stat_activity as a where a.pid = me.claimed_by
    ) then
        raise exception 'consumer % is busy: session % has its batch open', consumer, me.claimed_by
        using errcode = 'lock_not_available', hint = 'Try again later; the batch is free when that session ends.';
    end if;
    return me;
end;
$$;

comment on function public.claim_lead_score_consumer(text) is
'Part of lead_score_events_next() and _done(): locks a consumer, unless another session works on it. (rfm)';

create or replace function public.lead_score_events_next(consumer text, batch_size integer default 1000)
returns setof public.lead_score_events
language plpgsql
security definer
set search_path = ''
as $$
declare
    me public.lead_score_consumers%rowtype;
    restored public.lead_score_history_state%rowtype;
    must_be_stored boolean;
    looked boolean := false;
begin
    if batch_size >= 1 is not true then
        raise exception 'a batch holds one event or more, not %', coalesce(batch_size::pg_catalog.text, 'null')
        using errcode = 'invalid_parameter_value', hint = 'Leave batch_size out for 1000.';
    end if;
    if pg_is_in_recovery() then
        raise exception 'events cannot be claimed on a standby'
        using errcode = 'read_only_sql_transaction', hint = 'Connect to the primary server.';
    end if;

    perform public.notice_lead_score_restore();
    select s.* into restored from public.lead_score_history_state as s;

    -- asked first: an insert that meets a row waits for whoever is changing it
    if not exists (
        select from public.lead_score_consumers as c where c.consumer = lead_score_events_next.consumer
    ) then
        insert into public.lead_score_consumers (consumer)
        values (lead_score_events_next.consumer)
        on conflict do nothing;
    end if;
    me := public.claim_lead_score_consumer(lead_score_events_next.consumer);
    must_be_stored := me.window_snapshot is not null or me.active_at < clock_timestamp() - interval '10 seconds';

    while me.batch_until is null loop
        if me.window_snapshot is null then
            exit when looked;
            looked := true;
            -- in this order: a transaction that the snapshot does not know draws a greater number
            select s.last_value - case when s.is_called then 0 else 1 end
            into me.window_number
            from public.lead_score_history_event_id_seq as s;
            select pg_current_snapshot() into me.window_snapshot;
            select s.last_value into me.window_until from public.lead_score_history_event_id_seq as s;
            me.position := me.done_until;
        end if;

        select max(b.event_id)
        into me.batch_until
        from (
            select h.event_id
            from public.lead_score_history as h
            cross join lateral (
                select h.event_id <= restored.restored_until and h.xid >= restored.restored_xmax as restored
            ) as r
            where
                h.event_id > me.position
                and h.event_id <= me.window_until
                and (r.restored or pg_visible_in_snapshot(h.xid, me.window_snapshot))
                and (me.done_snapshot is null or not (r.restored or pg_visible_in_snapshot(h.xid, me.done_snapshot)))
            order by h.event_id
            limit batch_size
        ) as b;

        if me.batch_until is null then
            me.done_snapshot := me.window_snapshot;
            if me.next_xmax is null or pg_snapshot_xmin(me.window_snapshot) >= me.next_xmax then
                me.done_until := me.next_until;
                me.next_until := me.window_number;
                me.next_xmax := pg_snapshot_xmax(me.window_snapshot);
            end if;
            me.window_snapshot := null;
        end if;
    end loop;

    if me.batch_until is not null or must_be_stored then
        update public.lead_score_consumers as c
        set
            done_snapshot = me.done_snapshot,
            done_until = me.done_until,
            next_until = me.next_until,
            next_xmax = me.next_xmax,
            window_snapshot = me.window_snapshot,
            window_until = me.window_until,
            window_number = me.window_number,
            position = me.position,
            batch_until = me.batch_until,
            claimed_by = case when me.batch_until is not null then pg_backend_pid() end,
            active_at = clock_timestamp()
        where c.consumer = me.consumer;
    end if;

    return query
    select e.*
    from public.lead_score_history_events as e
    cross join lateral (
        select e.event_id <= restored.restored_until and e.xid >= restored.restored_xmax as restored
    ) as r
    where
        e.event_id > me.position
        and e.event_id <= me.batch_until
        and (r.restored or pg_visible_in_snapshot(e.xid, me.window_snapshot))
        and (me.done_snapshot is null or not (r.restored or pg_visible_in_snapshot(e.xid, me.done_snapshot)))
    order by e.event_id;
end;
$$;

comment on function public.lead_score_events_next(text,integer) is
'The next events of a consumer, at most batch_size, each customer''s in their order; the same ones until
lead_score_events_done(). None: there is nothing new. A name that is new gets every event of the log. Another session that
has the batch open: an error, 55P03. (rfm)';

create or replace function public.lead_score_events_done(consumer text)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
    me constant public.lead_score_consumers := public.claim_lead_score_consumer(lead_score_events_done.consumer);
begin
    update public.lead_score_consumers as c
    set position = c.batch_until, batch_until = null, claimed_by = null, active_at = clock_timestamp()
    where c.consumer = me.consumer and c.batch_until is not null;
end;
$$;

comment on function public.lead_score_events_done(text) is
'Says that the open batch of a consumer is done: lead_score_events_next() goes on behind it. Without an open batch, nothing
happens. (rfm)';

create or replace function public.lead_score_events_forget(consumer text)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
begin
    delete from public.lead_score_consumers as c where c.consumer = lead_score_events_forget.consumer;
    return found;
end;
$$;

comment on function public.lead_score_events_forget(text) is
'Forgets a consumer, so that its events can be pruned; returns whether there was one. Under the same name it begins anew. (rfm)';

-- ---------------------------------------------------------------- deleting what is old

create or replace function public.prune_lead_score_history(
    older_than interval,
    batch_size integer default 10000
)
returns table (pruned bigint, more boolean)
language plpgsql
security definer
set search_path = ''
as $$
declare
    kept_from bigint;
    pruned_until timestamp with time zone;
begin
    if older_than >= interval '0' is not true or batch_size >= 1 is not true then
        raise exception 'an age is not negative, and a batch holds one event or more'
        using errcode = 'invalid_parameter_value', hint = 'For example: interval ''365 days'', 10000.';
    end if;

    perform public.notice_lead_score_restore();
    -- never past a consumer
    select coalesce(min(c.done_until) + 1, 9223372036854775807)
    into kept_from
    from public.lead_score_consumers as c;

    with portion as (
        select h.event_id, h.occurred_at
        from public.lead_score_history as h
        where h.event_id < kept_from
        order by h.event_id
        limit batch_size
    ),

    deleted as (
        delete from public.lead_score_history as h
        using portion as p
        where
            h.event_id = p.event_id
            and h.event_id < coalesce(
                (
                    select min(k.event_id)
                    from portion as k
                    where k.occurred_at >= clock_timestamp() - older_than
                ),
                kept_from
            )
        returning h.occurred_at
    )

    select count(*), max(d.occurred_at) into pruned, pruned_until from deleted as d;

    -- what was before is no longer known
    update public.lead_score_history_state as s
    set recorded_since = pruned_until
    where s.recorded_since < pruned_until;
    more := pruned = batch_size;
    return next;
end;
$$;

comment on function public.prune_lead_score_history(interval,integer) is
'Deletes events that are older, at most batch_size of them, oldest first, and none that a consumer has not done. Returns how
many, and whether to call it again. Commit between two calls. (rfm)';

-- ---------------------------------------------------------------- a signal, if somebody wants it

create or replace function public.notify_lead_score_events()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    perform pg_notify('lead_score_events', '');
    return null;
end;
$$;

comment on function public.notify_lead_score_events() is
'Trigger helper: tells whoever listens on lead_score_events that there are new events. (rfm)';

do $$
begin
    if exists (
        select
        from pg_catalog.pg_trigger as t
        where
            t.tgrelid = 'public.lead_score_history'::pg_catalog.regclass
            and t.tgname = 'notify_lead_score_events'
    ) then
        return;
    end if;

    create trigger notify_lead_score_events
    after insert on public.lead_score_history
    for each statement execute function public.notify_lead_score_events();
    -- every commit with a signal waits for every other one: a switch of its own
    alter table public.lead_score_history disable trigger notify_lead_score_events;
end;
$$;

comment on trigger notify_lead_score_events on public.lead_score_history is
'Switched off, until somebody enables it: commits with a signal wait for each other. (rfm)';

-- ---------------------------------------------------------------- who may do what

alter table public.lead_score_history enable row level security;
alter table public.lead_score_history_state enable row level security;
alter table public.lead_score_consumers enable row level security;

-- Default privileges give rights to whomever they name: take them all back, then give what is meant.
do $$
declare
    key_type constant pg_catalog.text := /* slot key_type_literal */ 'uuid';
    revoke_one text;
begin
    for revoke_one in
        select format('revoke all on %s %s from %s', o.kind, o.name, coalesce(quote_ident(r.rolname), 'public'))
        from (
            values
            ('table', 'public.lead_score_history'),
            ('sequence', 'public.lead_score_history_event_id_seq'),
            ('table', 'public.lead_score_history_state'),
            ('table', 'public.lead_score_consumers'),
            ('table', 'public.lead_score_history_events'),
            ('table', 'public.lead_score_events'),
            ('function', 'public.restore_lead_score_history_state()'),
            (
                'function',
                'public.append_lead_score_events(' || key_type || ', text, timestamptz, integer[], integer[], integer[], boolean, boolean)'
            ),
            ('function', 'public.lead_scores_with_active_model(' || key_type || ', timestamptz)'),
            ('function', 'public.record_lead_score_change()'),
            ('function', 'public.record_lead_score_baseline(' || key_type || ', integer)'),
            ('function', 'public.may_see_customer(' || key_type || ')'),
            ('function', 'public.lead_score_segment(integer, integer, integer, integer, boolean)'),
            ('function', 'public.lead_scores_at(timestamptz)'),
            ('function', 'public.lead_score_moves(timestamptz, timestamptz)'),
            ('function', 'public.lead_score_trends(integer)'),
            ('function', 'public.notice_lead_score_restore()'),
            ('function', 'public.lead_score_events_next(text, integer)'),
            ('function', 'public.claim_lead_score_consumer(text)'),
            ('function', 'public.lead_score_events_done(text)'),
            ('function', 'public.lead_score_events_forget(text)'),
            ('function', 'public.prune_lead_score_history(interval, integer)'),
            ('function', 'public.notify_lead_score_events()')
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

    if exists (select from pg_catalog.pg_roles as r where r.rolname = 'authenticated') then
        grant select on public.lead_score_events to authenticated;
        grant execute on function
            public.may_see_customer(/* slot key_type */ uuid),
            public.lead_score_segment(integer, integer, integer, integer, boolean)
        to authenticated;
    end if;

    if exists (select from pg_catalog.pg_roles as r where r.rolname = 'service_role') then
        grant select on
        public.lead_score_events,
        public.lead_score_history_state,
        public.lead_score_consumers
        to service_role;
        grant execute on function
            public.record_lead_score_baseline(/* slot key_type */ uuid, integer),
            public.may_see_customer(/* slot key_type */ uuid),
            public.lead_score_segment(integer, integer, integer, integer, boolean),
            public.lead_scores_at(timestamptz),
            public.lead_score_moves(timestamptz, timestamptz),
            public.lead_score_trends(integer),
            public.lead_score_events_next(text, integer),
            public.lead_score_events_done(text),
            public.lead_score_events_forget(text),
            public.prune_lead_score_history(interval, integer)
        to service_role;
    end if;
end;
$$;
