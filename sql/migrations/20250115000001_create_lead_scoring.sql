-- Lead scoring: recency, frequency and monetary value of each customer, kept current by triggers.
--
-- Needs the tables public.customers and public.orders. It changes the schema and reads no data: existing
-- customers stay unscored (0) until they are updated; see queries/maintenance/initial_population.sql.
-- Paste it into a SQL editor, or run `psql --single-transaction --file` with it; a second run does no harm.
-- Undo it with the file of the same name in rollback/.
-- A comment with the word "slot" marks what a mapping of another schema replaces (docs/how-to/map-my-schema.md).

set local lock_timeout = '2s';
set local statement_timeout = '60s';
-- Nothing below finds what somebody else has put into public: an operator or a function that fits better than ours.
set local search_path = '';

-- slot before_indexes
-- rfm db apply runs this block before it builds the indexes in the blocks "concurrent_index", and then the whole file.
set local lock_timeout = '2s';
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

-- Both tables or none, each waited for a moment only: whoever sells meanwhile does not wait for long, and
-- whatever order their statements take the two in, we give up before PostgreSQL looks for a deadlock.
do $$
begin
    for attempt in 1..30 loop
        begin
            set local lock_timeout = '100ms';
            -- slot each_order_table
            lock table /* slot order_table */ public.orders in share row exclusive mode;
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

-- ---------------------------------------------------------------- columns

alter table /* slot customers */ public.customers
add column if not exists lead_score integer default 0,
add column if not exists rfm_recency integer default 0,
add column if not exists rfm_frequency integer default 0,
add column if not exists rfm_monetary numeric(3, 2) default 0,
add column if not exists last_scored_at timestamptz;

comment on column /* slot customers */ public.customers.lead_score is
'Weighted sum of the three scores, 6 to 30; 0 or null: not scored yet. Written by calculate_lead_score() alone. (rfm)';
comment on column /* slot customers */ public.customers.rfm_recency is
'Recency score, 1 to 5. Written by calculate_lead_score() alone. (rfm)';
comment on column /* slot customers */ public.customers.rfm_frequency is
'Frequency score, 1 to 5. Written by calculate_lead_score() alone. (rfm)';
comment on column /* slot customers */ public.customers.rfm_monetary is
'Monetary score, 1 to 5. Written by calculate_lead_score() alone. (rfm)';
comment on column /* slot customers */ public.customers.last_scored_at is
'The instant that the scores are true for: orders up to it count. Written by calculate_lead_score() alone. (rfm)';

-- slot ends

-- slot concurrent_index
create index if not exists idx_customers_lead_score on /* slot customers */ public.customers (lead_score desc);
-- slot ends
comment on index /* slot customers_index */ public.idx_customers_lead_score is 'The best leads first. (rfm)';

-- slot concurrent_index
create index if not exists idx_customers_rfm_scores
on /* slot customers */ public.customers (rfm_recency, rfm_frequency, rfm_monetary, lead_score desc);
-- slot ends
comment on index /* slot customers_index */ public.idx_customers_rfm_scores is
'Customers of one triple of scores, the best leads first. (rfm)';

-- ---------------------------------------------------------------- models

create table if not exists public.lead_score_models (
    id integer generated always as identity primary key,
    recency integer[] not null,
    -- width_bucket wants its thresholds ascending
    recency_negated integer[] not null generated always as (
        array_remove(array[-recency[1], -recency[2], -recency[3], -recency[4]], null)
    ) stored,
    frequency bigint[] not null,
    monetary numeric[] not null,
    weights integer[] not null default '{3,2,1}',
    fitted_customers bigint,
    fitted_as_of timestamptz,
    created_at timestamptz not null default now(),
    constraint lead_score_models_recency check (
        cardinality(recency) <= 4
        and coalesce(array_lower(recency, 1), 1) = 1
        and array_position(recency, null) is null
        and 0 <= all (recency)
        and (recency[1] >= recency[2]) is not false
        and (recency[2] >= recency[3]) is not false
        and (recency[3] >= recency[4]) is not false
    ),
    constraint lead_score_models_frequency check (
        cardinality(frequency) <= 4
        and coalesce(array_lower(frequency, 1), 1) = 1
        and array_position(frequency, null) is null
        and 0 <= all (frequency)
        and (frequency[1] <= frequency[2]) is not false
        and (frequency[2] <= frequency[3]) is not false
        and (frequency[3] <= frequency[4]) is not false
    ),
    constraint lead_score_models_monetary check (
        cardinality(monetary) <= 4
        and coalesce(array_lower(monetary, 1), 1) = 1
        and array_position(monetary, null) is null
        and '-Infinity' < all (monetary)
        and 'Infinity' > all (monetary)
        and (monetary[1] <= monetary[2]) is not false
        and (monetary[2] <= monetary[3]) is not false
        and (monetary[3] <= monetary[4]) is not false
    ),
    constraint lead_score_models_weights check (
        cardinality(weights) = 3
        and array_lower(weights, 1) = 1
        and array_position(weights, null) is null
        and 0 < all (weights)
        and weights[1] + weights[2] + weights[3] = 6
    )
);

comment on table public.lead_score_models is 'Every model there ever was: numbered, never edited. (rfm)';
comment on sequence public.lead_score_models_id_seq is 'The models'' numbers. (rfm)';
comment on column public.lead_score_models.id is 'The model''s number. (rfm)';
comment on column public.lead_score_models.recency is
'Most days that still earn the recency scores 2, 3, 4, 5; descending. (rfm)';
comment on column public.lead_score_models.recency_negated is
'The recency thresholds with their sign changed, ascending, as width_bucket takes them. (rfm)';
comment on column public.lead_score_models.frequency is
'Fewest orders that earn the frequency scores 2, 3, 4, 5; ascending. (rfm)';
comment on column public.lead_score_models.monetary is
'Least spend that earns the monetary scores 2, 3, 4, 5, in the currency''s main unit; ascending. (rfm)';
comment on column public.lead_score_models.weights is
'What recency, frequency and monetary score weigh in lead_score; positive, sum 6. (rfm)';
comment on column public.lead_score_models.fitted_customers is
'How many customers with an order the quintiles were fitted on; null: set by hand. (rfm)';
comment on column public.lead_score_models.fitted_as_of is 'The instant that the quintiles were fitted for. (rfm)';
comment on column public.lead_score_models.created_at is 'When the model was stored. (rfm)';

create table if not exists public.lead_score_active_model (
    only_row boolean primary key default true check (only_row),
    model_id integer not null unique references public.lead_score_models (id),
    activated_at timestamptz not null default now()
);

comment on table public.lead_score_active_model is
'The one model that trigger, batch and dashboard read: one row, always. (rfm)';
comment on column public.lead_score_active_model.only_row is 'True: there is no second row. (rfm)';
comment on column public.lead_score_active_model.model_id is 'The active model. (rfm)';
comment on column public.lead_score_active_model.activated_at is 'Since when. (rfm)';

-- A fresh database starts on the published thresholds.
with published as (
    insert into public.lead_score_models (recency, frequency, monetary)
    select '{180,90,60,30}', '{1,3,5,10}', '{50,200,500,1000}'
    where not exists (select from public.lead_score_models)
    returning id
)

insert into public.lead_score_active_model (model_id)
select id from published;

create or replace function public.refuse_lead_score_model_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    raise exception 'lead score models are never edited: % on % refused', lower(tg_op), tg_table_name
    using
        errcode = 'integrity_constraint_violation',
        hint = 'Insert a new model and call activate_lead_score_model(its number).';
end;
$$;

comment on function public.refuse_lead_score_model_change() is
'Trigger helper: a model that scores were made with stays as it was, and one is always active. (rfm)';

create or replace trigger refuse_lead_score_model_change
before update or delete or truncate on public.lead_score_models
for each statement execute function public.refuse_lead_score_model_change();

comment on trigger refuse_lead_score_model_change on public.lead_score_models is 'Models are never edited. (rfm)';

-- A restore of data alone meets the model that this file has stored, and may bring another active one.
create or replace function public.restore_lead_score_model()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    restored constant pg_catalog.record := new;
begin
    if tg_table_name = 'lead_score_active_model' then
        update public.lead_score_active_model as a
        set model_id = restored.model_id, activated_at = restored.activated_at;
        return case when not found then new end;
    end if;

    perform
    from public.lead_score_models as m
    where
        (m.id, m.recency, m.frequency, m.monetary, m.weights)
        = (restored.id, restored.recency, restored.frequency, restored.monetary, restored.weights);
    return case when not found then new end;
end;
$$;

comment on function public.restore_lead_score_model() is
'Trigger helper: a restored model that is there already is left out, a restored active model becomes the active one. (rfm)';

create or replace trigger restore_lead_score_model
before insert on public.lead_score_models
for each row execute function public.restore_lead_score_model();

comment on trigger restore_lead_score_model on public.lead_score_models is 'The same model twice is one model. (rfm)';

create or replace trigger restore_lead_score_model
before insert on public.lead_score_active_model
for each row execute function public.restore_lead_score_model();

comment on trigger restore_lead_score_model on public.lead_score_active_model is
'A second active model takes the place of the first. (rfm)';

create or replace trigger refuse_lead_score_model_change
before delete or truncate on public.lead_score_active_model
for each statement execute function public.refuse_lead_score_model_change();

comment on trigger refuse_lead_score_model_change on public.lead_score_active_model is
'One model is always active. (rfm)';

-- ---------------------------------------------------------------- orders

-- The one place that knows the shape of the orders. Another schema means another view, nothing else.
-- An amount is in the currency's main unit; NaN and infinities have to be null here, so that they add nothing.
create or replace view public.lead_score_orders
with (security_invoker = true) as
-- slot orders_select
select
    o.customer_id,
    o.created_at as ordered_at,
    o.total_cents operator(pg_catalog.*) 0.01 as amount
from public.orders as o
where
    o.status is null
    -- collate "C": the same lower case in every locale, also in a Turkish one
    or lower(o.status collate "C") not in ('cancelled', 'canceled', 'refunded', 'failed', 'void');
-- slot ends

comment on view public.lead_score_orders is
'The orders that may count: customer_id, ordered_at, amount. One row an order. (rfm)';

-- The same condition as the view's, so that one customer's orders are read from this index alone.
-- slot each_order_table
-- slot concurrent_index
create index if not exists /* slot order_index */ idx_orders_lead_score
on /* slot order_table */ public.orders (/* slot order_customer */ customer_id, /* slot order_time */ created_at)
-- slot order_covering
include (total_cents)
-- slot ends
-- slot order_condition
where
    status is null
    or lower(status collate "C") not in ('cancelled', 'canceled', 'refunded', 'failed', 'void');
-- slot ends
-- slot ends

comment on index /* slot order_index */ public.idx_orders_lead_score is 'The orders of lead_score_orders by customer, covering. (rfm)';
-- slot ends

-- ---------------------------------------------------------------- who waits for a score

-- No sale pays for its score: an order that cannot score its customer at once leaves a row here, in its own
-- transaction. Only inserts and no unique index, no foreign key: writing a row never waits for another session.
create table if not exists public.lead_score_queue (
    customer_id /* slot key_type */ uuid,
    sqlstate text not null,
    queued_at timestamptz not null default clock_timestamp(),
    tried_at timestamptz
)
with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

comment on table public.lead_score_queue is
'Customers whose score waits for score_queued_customers(). Orders only insert here. (rfm)';
comment on column public.lead_score_queue.customer_id is 'The customer; null: everybody with an order, after a truncate. (rfm)';
comment on column public.lead_score_queue.sqlstate is
'Why the order did not score the customer: the error''s code, without its message, which may hold a row. 55P03: the row
was locked. 54000: more orders than an order waits for. 40001: SERIALIZABLE. 27000: the order was written by a trigger on
the customer. 39P01: a trigger on the customer dropped the score. 40002: a deferred constraint trigger on customers would
run at the order''s commit. 00000: no error, time has changed the score. (rfm)';
comment on column public.lead_score_queue.queued_at is 'Since when the customer waits. (rfm)';
comment on column public.lead_score_queue.tried_at is
'When scoring last failed, with this sqlstate; null: not tried yet. score_queued_customers() tries again. (rfm)';

-- ---------------------------------------------------------------- the one writer

-- security definer: a writer under row-level security sees too few orders for a true score.
-- Types in the definer's functions are keywords or named with their schema: a search_path, even an empty
-- one, looks into the caller's temporary schema first, and a domain there would run code as the definer.
-- volatile (the default): its queries must see what was committed while the writer waited for the row's lock.
create or replace function public.calculate_lead_score()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    -- a row trigger runs after the row's lock: the clock, never the transaction's start
    clock constant timestamp with time zone := clock_timestamp();
    isolation constant pg_catalog.text := current_setting('transaction_isolation');
    -- touch_lead_scores() asks for a score in this way, and wants to know an error
    touched constant boolean := tg_op = 'UPDATE' and new.last_scored_at is not distinct from 'infinity';
    scored_before constant boolean := tg_op = 'UPDATE' and old.last_scored_at is not null;
    -- an edit of a customer with a long history does not wait for it to be read
    most_orders constant bigint := case when scored_before and not touched then 1000::bigint end;
    model public.lead_score_models%rowtype;
    last_order_at timestamp with time zone;
    frequency bigint;
    monetary numeric;
    monetary_score integer;
begin
    -- reading the orders here could make somebody's order fail at its commit
    if isolation = 'serializable' and not touched then
        raise sqlstate '40001';
    end if;

    -- a snapshot from before a change of model would score with the old one
    if isolation <> 'read committed' then
        perform from public.lead_score_active_model for share nowait;
    end if;

    select m.*
    into model
    from public.lead_score_models as m
    where m.id = (select a.model_id from public.lead_score_active_model as a);

    -- application clocks run ahead: a fresh order counts at once, and the score is for its instant
    select max(o.ordered_at), count(*), coalesce(sum(o.amount), 0)
    into last_order_at, frequency, monetary
    from (
        select c.ordered_at, c.amount
        from public.lead_score_orders as c
        where c.customer_id = new./* slot key */ id and c.ordered_at <= clock + interval '5 minutes'
        limit most_orders + 1
    ) as o;

    if frequency > most_orders then
        raise sqlstate '54000';
    end if;

    new.last_scored_at := greatest(clock, last_order_at);
    new.rfm_recency := 1 + coalesce(
        width_bucket(
            -extract(day from new.last_scored_at - nullif(last_order_at, '-infinity'))::integer,
            model.recency_negated
        ),
        0
    );
    new.rfm_frequency := 1 + case when frequency > 0 then width_bucket(frequency, model.frequency) else 0 end;
    monetary_score := 1 + case
        when frequency > 0 and monetary >= 0 then width_bucket(monetary, model.monetary)
        else 0
    end;
    new.rfm_monetary := monetary_score::numeric;
    new.lead_score :=
        model.weights[1] * new.rfm_recency
        + model.weights[2] * new.rfm_frequency
        + model.weights[3] * monetary_score;
    return new;
exception when others then
    if touched then
        raise;
    end if;

    -- whoever writes a customer never fails for the score: the row keeps the scores it has, and waits
    insert into public.lead_score_queue (customer_id, sqlstate) values (new./* slot key */ id, sqlstate);
    if tg_op = 'INSERT' then
        new.lead_score := 0;
        new.rfm_recency := 0;
        new.rfm_frequency := 0;
        new.rfm_monetary := 0;
        new.last_scored_at := null;
    else
        new.lead_score := old.lead_score;
        new.rfm_recency := old.rfm_recency;
        new.rfm_frequency := old.rfm_frequency;
        new.rfm_monetary := old.rfm_monetary;
        new.last_scored_at := old.last_scored_at;
    end if;
    return new;
end;
$$;

comment on function public.calculate_lead_score() is
'Row trigger on customers, the only writer of scores: whatever a statement says, the row gets its true score, or keeps
the one it has and waits in lead_score_queue. (rfm)';

create or replace trigger calculate_customer_lead_score
before insert or update on /* slot customers */ public.customers
for each row execute function public.calculate_lead_score();

comment on trigger calculate_customer_lead_score on /* slot customers */ public.customers is 'Scores the customer being written. (rfm)';

-- ---------------------------------------------------------------- whatever changes orders scores their customers

-- Its search_path is the database's own, pinned at the end of this file: the triggers that customers already has run
-- inside this update, and find what they find without us. So it names everything with its schema, operators too.
-- client_min_messages: a notice of such a trigger may show the writer of an order a row that they may not see.
create or replace function public.touch_lead_scores(customer_ids /* slot key_type */ uuid[])
returns void
language plpgsql
security definer
set search_path = pg_catalog, /* slot search_path */ public, pg_temp
set client_min_messages = 'error'
as $$
declare
    began constant timestamp with time zone := pg_catalog.clock_timestamp();
    scored bigint;
    scored_at timestamp with time zone;
begin
    -- most orders come one by one: a plan that is made once, not at each call
    if pg_catalog.cardinality(customer_ids) operator(pg_catalog.=) 1 and customer_ids[1] is not null then
        update /* slot customers */ public.customers as c
        set last_scored_at = 'infinity'
        where c./* slot key */ id operator(pg_catalog.=) customer_ids[1]
        returning c.last_scored_at into scored_at;
        scored := case
            when scored_at operator(pg_catalog.>=) began and scored_at operator(pg_catalog.<) 'infinity' then 1::bigint
            else 0::bigint
        end;
    else
        with touched as (
            update /* slot customers */ public.customers as c
            set last_scored_at = 'infinity'
            where c./* slot key */ id operator(pg_catalog.=) any (customer_ids)
            returning c.last_scored_at
        )

        select pg_catalog.count(*)
        into scored
        from touched as t
        where t.last_scored_at operator(pg_catalog.>=) began and t.last_scored_at operator(pg_catalog.<) 'infinity';
    end if;

    -- a before trigger that returns null, or puts the old row back, drops the score without an error
    if
        scored operator(pg_catalog.<) pg_catalog.cardinality(customer_ids)
        and exists (
            select
            from /* slot customers */ public.customers as c
            where
                c./* slot key */ id operator(pg_catalog.=) any (customer_ids)
                and (c.last_scored_at operator(pg_catalog.>=) began and c.last_scored_at operator(pg_catalog.<) 'infinity')
                is not true
        )
    then
        raise exception 'a trigger on customers drops the score'
        using
            errcode = 'trigger_protocol_violated',
            hint = 'Restrict it to the columns that it is about: before update of ...';
    end if;
end;
$$;

comment on function public.touch_lead_scores(/* slot key_type */ uuid[]) is
'Lets calculate_lead_score() score these customers again; nothing else of them changes. Fails where one of them cannot
be scored: score_customers() goes on with the others. (rfm)';

-- What an order does. lock_timeout: shorter than deadlock_timeout, so a deadlock ends here, and never at the order.
create or replace function public.score_customers_of_orders(customer_ids /* slot key_type */ uuid[])
returns void
language plpgsql
security definer
set search_path = ''
set lock_timeout = '100ms'
as $$
declare
    calls pg_catalog.text;
    free pg_catalog./* slot key_type */ uuid[];
    reason pg_catalog.text;
begin
    -- A trigger on customers that writes orders. While it runs before the row is written, its own update of the row
    -- would fail if we touched the row now. While it runs inside a touch, a second touch would call it again, without end.
    if pg_trigger_depth() > 1 then
        get diagnostics calls = pg_context;
        if
            strpos(calls, 'touch_lead_scores(') > 0
            or exists (
                select
                from pg_catalog.pg_trigger as t
                inner join pg_catalog.pg_proc as p on p.oid = t.tgfoid
                where
                    t.tgrelid = /* slot customers_literal */ 'public.customers'::pg_catalog.regclass
                    and t.tgtype & 3 = 3 -- before, for each row
                    and p.proname <> 'calculate_lead_score'
                    and strpos(calls, p.proname || '(') > 0
            )
        then
            reason := '27000';
        end if;
    end if;

    if current_setting('transaction_isolation') = 'serializable' then
        -- reading orders and customers here could make the order fail at its commit
        reason := '40001';
    elsif reason is null and exists (
        select
        from pg_catalog.pg_trigger as t
        where
            t.tgrelid = /* slot customers_literal */ 'public.customers'::pg_catalog.regclass
            and t.tgdeferrable
            and not t.tgisinternal
            and t.tgtype & 16 = 16 -- update
    ) then
        -- it would run at the order's commit, where nobody catches its error
        reason := '40002';
    elsif reason is null and cardinality(customer_ids) = 1 then
        if exists (
            select from public.lead_score_orders as o where o.customer_id = customer_ids[1] offset 1000
        ) then
            reason := '54000';
        else
            perform public.touch_lead_scores(customer_ids);
            return;
        end if;
    elsif reason is null then
        -- no waiting for many rows, each with a lock that may stay
        free := array(
            select c./* slot key */ id
            from /* slot customers */ public.customers as c
            where c./* slot key */ id = any (customer_ids)
            for no key update skip locked
        );
        perform public.touch_lead_scores(free);
        customer_ids := array(
            select c./* slot key */ id
            from /* slot customers */ public.customers as c
            where c./* slot key */ id = any (customer_ids) and c./* slot key */ id <> all (free)
        );
        reason := '55P03';
    end if;

    -- 27000 counts as tried: a run of score_queued_customers() that caused it does not find it again
    insert into public.lead_score_queue (customer_id, sqlstate, tried_at)
    select i.id, reason, case when reason = '27000' then clock_timestamp() end
    from unnest(customer_ids) as i (id)
    where i.id is not null;
end;
$$;

comment on function public.score_customers_of_orders(/* slot key_type */ uuid[]) is
'Part of the triggers on orders: scores these customers, or puts those into lead_score_queue that are locked or have too
long a history. Waits 0.1 s at most for a row. Where it fails, the triggers put all of them there. (rfm)';

-- For all callers but orders: it has time, so it tries each customer, and returns those that fail.
create or replace function public.score_customers(customer_ids /* slot key_type */ uuid[])
returns table (customer_id /* slot key_type */ uuid, sqlstate text)
language plpgsql
security definer
set search_path = ''
set lock_timeout = '100ms'
as $$
declare
    portion_size constant integer := 100;
    began constant timestamp with time zone := clock_timestamp();
    portion pg_catalog./* slot key_type */ uuid[];
    free pg_catalog./* slot key_type */ uuid[];
    failed_ids pg_catalog./* slot key_type */ uuid[] := array[]::pg_catalog./* slot key_type */ uuid[];
    failures pg_catalog.text[] := array[]::pg_catalog.text[];
    waiting_ids pg_catalog./* slot key_type */ uuid[];
    waiting_since timestamp with time zone[];
begin
    -- Deleted before the customers are touched, and only what is seen now: the order behind a row that commits
    -- later may not be seen by the touch. A second session at the same work skips these rows.
    with locked as (
        select q.ctid
        from public.lead_score_queue as q
        where q.customer_id = any (customer_ids)
        for update skip locked
    ),

    taken as (
        delete from public.lead_score_queue as q
        where q.ctid = any (array(select l.ctid from locked as l))
        returning q.customer_id, q.queued_at
    ),

    waiting as (
        select t.customer_id, min(t.queued_at) as queued_at from taken as t group by t.customer_id
    )

    select array_agg(w.customer_id), array_agg(w.queued_at)
    into waiting_ids, waiting_since
    from waiting as w;

    for begun in 1..cardinality(customer_ids) by portion_size loop
        portion := customer_ids[begun:begun + portion_size - 1];
        begin
            free := public.touch_free_customers(portion);
        exception when others then
            -- one of them is bad: each on its own
            free := '{}';
            for place in 1..cardinality(portion) loop
                begin
                    free := free || public.touch_free_customers(portion[place:place]);
                exception when others then
                    failed_ids := failed_ids || portion[place];
                    failures := failures || sqlstate::pg_catalog.text;
                end;
            end loop;
        end;

        -- what is neither scored nor failed is locked, or deleted
        failed_ids := failed_ids || array(
            select c./* slot key */ id
            from /* slot customers */ public.customers as c
            where c./* slot key */ id = any (portion) and c./* slot key */ id <> all (free || failed_ids)
        );
        failures := failures || array_fill('55P03'::pg_catalog.text, array[cardinality(failed_ids) - cardinality(failures)]);
    end loop;

    -- what a trigger on customers wrote during the touch has changed the score, or has not
    delete from public.lead_score_queue as q
    where
        q.sqlstate = '27000'
        and q.tried_at >= began
        and q.customer_id = any (customer_ids)
        and not public.has_false_lead_score(q.customer_id);

    -- whoever waits goes on to wait since then
    insert into public.lead_score_queue (customer_id, sqlstate, queued_at, tried_at)
    select f.id, f.reason, coalesce(w.queued_at, clock_timestamp()), clock_timestamp()
    from unnest(failed_ids, failures) as f (id, reason)
    left join unnest(waiting_ids, waiting_since) as w (id, queued_at) on w.id = f.id;

    return query
    select f.id, f.reason
    from unnest(failed_ids, failures) as f (id, reason);
end;
$$;

comment on function public.score_customers(/* slot key_type */ uuid[]) is
'Scores these customers again, each on its own, and takes them out of lead_score_queue. Returns those that it could not
score, with the SQLSTATE; they wait there. Waits for no lock. (rfm)';

-- Its search_path is that of touch_lead_scores(), since deferred constraint triggers of the customers run here.
create or replace function public.touch_free_customers(customer_ids /* slot key_type */ uuid[])
returns /* slot key_type */ uuid[]
language plpgsql
security definer
set search_path = pg_catalog, /* slot search_path */ public, pg_temp
set client_min_messages = 'error'
as $$
declare
    free constant pg_catalog./* slot key_type */ uuid[] := array(
        select c./* slot key */ id
        from /* slot customers */ public.customers as c
        where c./* slot key */ id operator(pg_catalog.=) any (customer_ids)
        for no key update skip locked
    );
    schema_name pg_catalog.name;
    constraint_name pg_catalog.name;
    usually_deferred boolean;
begin
    perform public.touch_lead_scores(free);

    -- A deferred constraint trigger would fail at the commit, for everybody who was touched: it runs now.
    for schema_name, constraint_name, usually_deferred in
        select distinct n.nspname, k.conname, t.tginitdeferred
        from pg_catalog.pg_trigger as t
        inner join pg_catalog.pg_constraint as k on k.oid operator(pg_catalog.=) t.tgconstraint
        inner join pg_catalog.pg_namespace as n on n.oid operator(pg_catalog.=) k.connamespace
        where
            t.tgrelid operator(pg_catalog.=) /* slot customers_literal */ 'public.customers'::pg_catalog.regclass
            and t.tgdeferrable
            and not t.tgisinternal
    loop
        execute pg_catalog.format('set constraints %I.%I immediate', schema_name, constraint_name);
        if usually_deferred then
            execute pg_catalog.format('set constraints %I.%I deferred', schema_name, constraint_name);
        end if;
    end loop;
    return free;
end;
$$;

comment on function public.touch_free_customers(/* slot key_type */ uuid[]) is
'Part of score_customers(): touches the customers that no other session has locked, and returns them. (rfm)';

create or replace function public.has_false_lead_score(customer_id /* slot key_type */ uuid)
returns boolean
language sql
volatile -- another session's orders may have come since
set search_path = ''
as $$
    select
        (c.rfm_recency, c.rfm_frequency, c.rfm_monetary)
        is distinct from (
            1 + coalesce(
                width_bucket(
                    -extract(
                        day from greatest(clock_timestamp(), o.last_order_at) - nullif(o.last_order_at, '-infinity')
                    )::integer,
                    m.recency_negated
                ),
                0
            ),
            1 + case when o.frequency > 0 then width_bucket(o.frequency, m.frequency) else 0 end,
            1 + case when o.frequency > 0 and o.monetary >= 0 then width_bucket(o.monetary, m.monetary) else 0 end::numeric
        )
    from /* slot customers */ public.customers as c
    cross join lateral (
        select
            max(n.ordered_at) as last_order_at,
            count(*) as frequency,
            coalesce(sum(n.amount), 0) as monetary
        from public.lead_score_orders as n
        where n.customer_id = c./* slot key */ id and n.ordered_at <= clock_timestamp() + interval '5 minutes'
    ) as o
    cross join (
        select m.*
        from public.lead_score_active_model as a
        inner join public.lead_score_models as m on m.id = a.model_id
    ) as m
    where c./* slot key */ id = has_false_lead_score.customer_id;
$$;

comment on function public.has_false_lead_score(/* slot key_type */ uuid) is
'Part of score_customers(): whether calculate_lead_score() would give this customer other scores now. (rfm)';

create or replace function public.score_queued_customers(
    batch_size integer default 10000,
    tried_before timestamptz default clock_timestamp()
)
returns table (scored bigint, failed bigint, waiting bigint)
language plpgsql
security definer
set search_path = ''
as $$
declare
    chosen pg_catalog./* slot key_type */ uuid[];
begin
    if batch_size >= 1 is not true then
        raise exception 'a batch holds one customer or more, not %', coalesce(batch_size::pg_catalog.text, 'null')
        using errcode = 'invalid_parameter_value', hint = 'Leave batch_size out for 10000.';
    end if;

    -- a rollback by hand drops the scoring and leaves the job: it has nothing to do
    if to_regprocedure('public.calculate_lead_score()') is null then
        return query select 0::bigint, 0::bigint, 0::bigint;
        return;
    end if;

    -- after a truncate of orders
    with everybody as (
        delete from public.lead_score_queue as q where q.customer_id is null returning q.sqlstate, q.queued_at
    )

    insert into public.lead_score_queue (customer_id, sqlstate, queued_at)
    select c./* slot key */ id, e.sqlstate, e.queued_at
    from (select min(a.sqlstate) as sqlstate, min(a.queued_at) as queued_at from everybody as a) as e
    cross join /* slot customers */ public.customers as c
    where e.queued_at is not null and c.lead_score > 0;

    -- a second session at the same work skips these rows
    with picked as (
        select q.customer_id, coalesce(min(q.tried_at), '-infinity') as tried_at, min(q.queued_at) as queued_at
        from public.lead_score_queue as q
        where q.tried_at is null or q.tried_at < tried_before
        group by q.customer_id
        order by tried_at, queued_at
        limit batch_size
    ),

    locked as (
        select q.customer_id, q.queued_at
        from public.lead_score_queue as q
        where
            q.customer_id in (select p.customer_id from picked as p)
            and (q.tried_at is null or q.tried_at < tried_before)
        for update skip locked
    ),

    queued as (
        select l.customer_id, min(l.queued_at) as queued_at from locked as l group by l.customer_id
    )

    select array_agg(c.customer_id order by c.queued_at)
    into chosen
    from queued as c;

    select count(*) into failed from public.score_customers(coalesce(chosen, '{}')) as f;
    scored := coalesce(cardinality(chosen), 0) - failed;

    select count(distinct q.customer_id)
    into waiting
    from public.lead_score_queue as q
    where q.tried_at is null or q.tried_at < tried_before;

    return next;
end;
$$;

comment on function public.score_queued_customers(integer,timestamptz) is
'Scores customers of lead_score_queue: at most batch_size of those not tried since tried_before. Returns how many it
scored, how many it could not score (they stay, with the SQLSTATE), and how many it has not tried. Each minute by pg_cron. (rfm)';

create or replace function public.recalculate_customer_lead_score()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    customer_ids pg_catalog./* slot key_type */ uuid[];
begin
    -- slot each_order_table_by_trigger
    customer_ids := array(select distinct n./* slot order_customer */ customer_id from new_orders as n);
    -- slot ends

    begin
        perform public.score_customers_of_orders(customer_ids);
    exception when others or query_canceled then
        -- also where the call itself fails: another function of this name, by somebody else, is enough for that.
        -- An order that is cancelled stays cancelled; one that has run out of time while it was scored does not.
        if
            sqlstate = '57014'
            and (
                clock_timestamp() > statement_timestamp() + nullif(current_setting('statement_timeout'), '0')::interval
            ) is not true
        then
            raise;
        end if;
        -- score_queued_customers() finds out which of them it was
        insert into public.lead_score_queue (customer_id, sqlstate)
        select i.id, sqlstate
        from unnest(customer_ids) as i (id)
        where i.id is not null;
    end;
    return null;
end;
$$;

comment on function public.recalculate_customer_lead_score() is
'Statement trigger on orders: scores the customers of inserted orders. (rfm)';

-- slot each_order_table
create or replace trigger recalculate_lead_score_on_order_change
after insert on /* slot order_table */ public.orders
referencing new table as new_orders
for each statement execute function public.recalculate_customer_lead_score();

comment on trigger recalculate_lead_score_on_order_change on /* slot order_table */ public.orders is
'Inserted orders. PostgreSQL allows one event for such a trigger: its siblings cover the others. (rfm)';
-- slot ends

create or replace function public.recalculate_lead_score_siblings()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    customer_ids pg_catalog./* slot key_type */ uuid[];
begin
    -- a rollback by hand drops the scoring and leaves this trigger: orders can still be written
    if to_regprocedure('public.calculate_lead_score()') is null then
        return null;
    end if;

    -- slot each_order_table_by_trigger
    case tg_op
        when 'UPDATE' then
            customer_ids := array(
                select o./* slot order_customer */ customer_id from old_orders as o
                union
                select n./* slot order_customer */ customer_id from new_orders as n
            );
        when 'DELETE' then
            customer_ids := array(select distinct o./* slot order_customer */ customer_id from old_orders as o);
        when 'TRUNCATE' then
            -- an old snapshot does not see everybody's scores, and a million customers take a minute
            if
                current_setting('transaction_isolation') <> 'read committed'
                or exists (select from /* slot customers */ public.customers as c where c.lead_score > 0 offset 10000)
            then
                insert into public.lead_score_queue (customer_id, sqlstate) values (null, '54000');
                return null;
            end if;

            -- also those with a 6: it is the score without orders, and that of some who have one
            customer_ids := array(
                select c./* slot key */ id from /* slot customers */ public.customers as c where c.lead_score > 0
            );
    end case;
    -- slot ends

    begin
        perform public.score_customers_of_orders(customer_ids);
    exception when others or query_canceled then
        -- also where the call itself fails: another function of this name, by somebody else, is enough for that.
        -- An order that is cancelled stays cancelled; one that has run out of time while it was scored does not.
        if
            sqlstate = '57014'
            and (
                clock_timestamp() > statement_timestamp() + nullif(current_setting('statement_timeout'), '0')::interval
            ) is not true
        then
            raise;
        end if;
        -- score_queued_customers() finds out which of them it was
        insert into public.lead_score_queue (customer_id, sqlstate)
        select i.id, sqlstate
        from unnest(customer_ids) as i (id)
        where i.id is not null;
    end;
    return null;
end;
$$;

comment on function public.recalculate_lead_score_siblings() is
'Statement trigger on orders: scores the customers of updated (old and new one), deleted and truncated orders. (rfm)';

-- slot each_order_table
create or replace trigger recalculate_lead_score_on_order_update
after update on /* slot order_table */ public.orders
referencing old table as old_orders new table as new_orders
for each statement execute function public.recalculate_lead_score_siblings();

create or replace trigger recalculate_lead_score_on_order_delete
after delete on /* slot order_table */ public.orders
referencing old table as old_orders
for each statement execute function public.recalculate_lead_score_siblings();

create or replace trigger recalculate_lead_score_on_order_truncate
after truncate on /* slot order_table */ public.orders
for each statement execute function public.recalculate_lead_score_siblings();

comment on trigger recalculate_lead_score_on_order_update on /* slot order_table */ public.orders is 'Updated orders. (rfm)';
comment on trigger recalculate_lead_score_on_order_delete on /* slot order_table */ public.orders is 'Deleted orders. (rfm)';
comment on trigger recalculate_lead_score_on_order_truncate on /* slot order_table */ public.orders is 'All orders at once. (rfm)';
-- slot ends

-- ---------------------------------------------------------------- changing the model

create or replace function public.activate_lead_score_model(model_id integer)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
    if not exists (
        select from public.lead_score_models as m where m.id = activate_lead_score_model.model_id
    ) then
        raise exception 'there is no lead score model %', model_id
        using errcode = 'no_data_found', hint = 'select id from lead_score_models lists them.';
    end if;

    update public.lead_score_active_model as a
    set model_id = activate_lead_score_model.model_id, activated_at = clock_timestamp()
    where a.model_id <> activate_lead_score_model.model_id;
end;
$$;

comment on function public.activate_lead_score_model(integer) is
'Makes a stored model the one that scores are made with. Customers keep their scores until they are touched. (rfm)';

create or replace function public.wait_for_lead_score_writers(patience interval default '1 minute')
returns void
language plpgsql
set search_path = ''
as $$
declare
    patient_until constant timestamp with time zone := clock_timestamp() + patience;
    -- whoever writes customers holds this lock until the end of their transaction
    writers constant pg_catalog.text[] := array(
        select l.virtualtransaction
        from pg_catalog.pg_locks as l
        where
            l.relation = to_regclass(/* slot customers_literal */ 'public.customers')
            and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
            and l.mode = 'RowExclusiveLock'
            and l.pid is distinct from pg_backend_pid()
    );
begin
    while exists (
        select
        from pg_catalog.pg_locks as l
        where
            l.virtualtransaction = any (writers)
            and l.relation = to_regclass(/* slot customers_literal */ 'public.customers')
            and l.mode = 'RowExclusiveLock'
    ) loop
        if clock_timestamp() > patient_until then
            raise exception 'a transaction that writes customers has been open for more than %', patience
            using errcode = 'lock_not_available', hint = 'See pg_stat_activity; end it, or wait, and try again.';
        end if;
        perform pg_sleep(0.02);
    end loop;
end;
$$;

comment on function public.wait_for_lead_score_writers(interval) is
'Returns when every transaction has ended that was writing customers, perhaps with the model before. Blocks nobody.
Between activating a model and touching the customers, so that none is missed. (rfm)';

create or replace function public.fit_lead_score_model(as_of timestamptz default clock_timestamp())
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
    fitted_id integer;
begin
    if isfinite(as_of) is not true then
        raise exception 'a model is fitted for one finite instant, not for %', as_of
        using errcode = 'invalid_parameter_value', hint = 'Leave as_of out for now.';
    end if;

    with counted as materialized (
        select
            -- at -infinity: a recency that no threshold is as bad as
            coalesce(
                extract(day from as_of - nullif(max(o.ordered_at), '-infinity'))::integer, 2147483647
            ) as recency,
            count(*) as frequency,
            coalesce(sum(o.amount), 0) as monetary
        from public.lead_score_orders as o
        inner join /* slot customers */ public.customers as c on c./* slot key */ id = o.customer_id
        where o.ordered_at <= as_of
        group by o.customer_id
    ),

    quintiles as (
        select
            count(*) as n,
            percentile_disc('{0.2,0.4,0.6,0.8}'::double precision[]) within group (order by c.recency desc) as recency,
            percentile_disc('{0.2,0.4,0.6,0.8}'::double precision[]) within group (order by c.frequency) as frequency,
            percentile_disc('{0.2,0.4,0.6,0.8}'::double precision[]) within group (order by c.monetary) as monetary
        from counted as c
    ),

    -- the threshold is the smallest value better than the quintile; where there is none, the list ends
    thresholds as (
        select
            array_remove(array[
                max(c.recency) filter (where c.recency < q.recency[1]),
                max(c.recency) filter (where c.recency < q.recency[2]),
                max(c.recency) filter (where c.recency < q.recency[3]),
                max(c.recency) filter (where c.recency < q.recency[4])
            ], null) as recency,
            array_remove(array[
                min(c.frequency) filter (where c.frequency > q.frequency[1]),
                min(c.frequency) filter (where c.frequency > q.frequency[2]),
                min(c.frequency) filter (where c.frequency > q.frequency[3]),
                min(c.frequency) filter (where c.frequency > q.frequency[4])
            ], null) as frequency,
            array_remove(array[
                min(c.monetary) filter (where c.monetary > q.monetary[1]),
                min(c.monetary) filter (where c.monetary > q.monetary[2]),
                min(c.monetary) filter (where c.monetary > q.monetary[3]),
                min(c.monetary) filter (where c.monetary > q.monetary[4])
            ], null) as monetary
        from counted as c
        cross join quintiles as q
    )

    insert into public.lead_score_models (recency, frequency, monetary, fitted_customers, fitted_as_of)
    select t.recency, t.frequency, t.monetary, q.n, as_of
    from thresholds as t
    cross join quintiles as q
    where q.n > 0
    returning id into fitted_id;

    if fitted_id is null then
        raise exception 'no customer has an order that counts up to %: nothing to fit', as_of
        using errcode = 'no_data_found', hint = 'select count(*) from lead_score_orders shows what counts.';
    end if;

    perform public.activate_lead_score_model(fitted_id);
    return fitted_id;
end;
$$;

comment on function public.fit_lead_score_model(timestamptz) is
'Fits quintiles on the customers with an order that counts at as_of (default: now), stores and activates the
model, returns its number. Customers keep their scores until they are touched: see queries/maintenance/initial_population.sql. (rfm)';

-- ---------------------------------------------------------------- the proof

create or replace function public.lead_score_drift(as_of timestamptz default null)
returns table (
    customer_id /* slot key_type */ uuid,
    scored_at timestamptz,
    lead_score integer,
    expected_lead_score integer,
    rfm_recency integer,
    expected_rfm_recency integer,
    rfm_frequency integer,
    expected_rfm_frequency integer,
    rfm_monetary numeric,
    expected_rfm_monetary numeric
)
language sql
stable
set search_path = ''
as $$
    with counted as (
        select
            c./* slot key */ id as customer_id,
            coalesce(lead_score_drift.as_of, c.last_scored_at) as as_of,
            nullif(max(o.ordered_at), '-infinity') as last_order_at,
            count(o.ordered_at) as frequency,
            coalesce(sum(o.amount), 0) as monetary
        from /* slot customers */ public.customers as c
        left join public.lead_score_orders as o
            on
                c./* slot key */ id = o.customer_id
                and o.ordered_at <= coalesce(lead_score_drift.as_of, c.last_scored_at)
        group by c./* slot key */ id, c.last_scored_at
    ),

    scores as (
        select
            o.customer_id,
            o.as_of,
            m.weights,
            1 + coalesce(
                width_bucket(-extract(day from o.as_of - o.last_order_at)::integer, m.recency_negated), 0
            ) as recency,
            1 + case when o.frequency > 0 then width_bucket(o.frequency, m.frequency) else 0 end as frequency,
            1 + case
                when o.frequency > 0 and o.monetary >= 0 then width_bucket(o.monetary, m.monetary)
                else 0
            end as monetary
        from counted as o
        -- left: a reader who may not see the model finds drift everywhere, not nowhere
        left join (
            select m.*
            from public.lead_score_active_model as a
            inner join public.lead_score_models as m on m.id = a.model_id
        ) as m on true
    ),

    expected as (
        select
            s.customer_id,
            s.as_of,
            s.recency,
            s.frequency,
            s.monetary,
            s.weights[1] * s.recency + s.weights[2] * s.frequency + s.weights[3] * s.monetary as lead_score
        from scores as s
        where s.as_of is not null
        union all
        select s.customer_id, s.as_of, 0, 0, 0, 0 -- not scored yet
        from scores as s
        where s.as_of is null
    )

    select
        c./* slot key */ id,
        e.as_of,
        c.lead_score,
        e.lead_score,
        c.rfm_recency,
        e.recency,
        c.rfm_frequency,
        e.frequency,
        c.rfm_monetary,
        e.monetary
    from /* slot customers */ public.customers as c
    inner join expected as e on c./* slot key */ id = e.customer_id
    where
        (
            coalesce(c.lead_score, 0),
            coalesce(c.rfm_recency, 0),
            coalesce(c.rfm_frequency, 0),
            coalesce(c.rfm_monetary, 0)
        )
        is distinct from (e.lead_score, e.recency, e.frequency, e.monetary::numeric);
$$;

comment on function public.lead_score_drift(timestamptz) is
'Customers whose stored score is not the one that their orders and the active model give, at each one''s own
last_scored_at; or at as_of: lead_score_drift(now()) tells what time has changed. No row: every score is true. (rfm)';

-- ---------------------------------------------------------------- who may do what

alter table public.lead_score_models enable row level security;
alter table public.lead_score_active_model enable row level security;
alter table public.lead_score_queue enable row level security;

-- Default privileges give rights to whomever they name: take them all back, then give what is meant.
do $$
declare
    revoke_one text;
begin
    for revoke_one in
        select format('revoke all on %s %s from %s cascade', o.kind, o.name, coalesce(quote_ident(r.rolname), 'public'))
        from (
            values
            ('table', 'public.lead_score_models'),
            ('sequence', 'public.lead_score_models_id_seq'),
            ('table', 'public.lead_score_active_model'),
            ('table', 'public.lead_score_queue'),
            ('table', 'public.lead_score_orders'),
            ('function', 'public.calculate_lead_score()'),
            ('function', 'public.recalculate_customer_lead_score()'),
            ('function', 'public.recalculate_lead_score_siblings()'),
            ('function', 'public.refuse_lead_score_model_change()'),
            ('function', 'public.restore_lead_score_model()'),
            ('function', 'public.touch_lead_scores(' || /* slot key_type_literal */ 'uuid' || '[])'),
            ('function', 'public.touch_free_customers(' || /* slot key_type_literal */ 'uuid' || '[])'),
            ('function', 'public.has_false_lead_score(' || /* slot key_type_literal */ 'uuid' || ')'),
            ('function', 'public.score_customers_of_orders(' || /* slot key_type_literal */ 'uuid' || '[])'),
            ('function', 'public.score_customers(' || /* slot key_type_literal */ 'uuid' || '[])'),
            ('function', 'public.score_queued_customers(integer, timestamptz)'),
            ('function', 'public.activate_lead_score_model(integer)'),
            ('function', 'public.wait_for_lead_score_writers(interval)'),
            ('function', 'public.fit_lead_score_model(timestamptz)'),
            ('function', 'public.lead_score_drift(timestamptz)')
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

    -- Whoever may put a trigger on customers or orders runs code as our definer at the next touch.
    for revoke_one in
        select format(
            'revoke trigger on %s from %s cascade', c.oid::pg_catalog.regclass, coalesce(quote_ident(r.rolname), 'public')
        )
        from pg_catalog.pg_trigger as t
        inner join pg_catalog.pg_class as c on c.oid = t.tgrelid
        cross join aclexplode(c.relacl) as a
        left join pg_catalog.pg_roles as r on r.oid = a.grantee
        where
            t.tgname in ('calculate_customer_lead_score', 'recalculate_lead_score_on_order_change')
            and a.privilege_type = 'TRIGGER'
            and a.grantee <> c.relowner
        group by c.oid, r.rolname
    loop
        execute revoke_one;
    end loop;

    if exists (select from pg_catalog.pg_roles as r where r.rolname = 'service_role') then
        grant select on
        public.lead_score_models,
        public.lead_score_active_model,
        public.lead_score_queue,
        public.lead_score_orders
        to service_role;
        grant execute on function
            public.touch_lead_scores(/* slot key_type */ uuid[]),
            public.score_customers(/* slot key_type */ uuid[]),
            public.score_queued_customers(integer, timestamptz),
            public.activate_lead_score_model(integer),
            public.wait_for_lead_score_writers(interval),
            public.fit_lead_score_model(timestamptz),
            public.lead_score_drift(timestamptz)
        to service_role;
    end if;
end;
$$;

-- The triggers of customers run inside these two: in the schemas that this database's sessions look into.
do $$
declare
    function_name pg_catalog.text;
begin
    foreach function_name in array array['touch_lead_scores', 'touch_free_customers'] loop
        execute format(
            'alter function public.%I(%s[]) set search_path = %s',
            function_name,
            /* slot key_type_literal */ 'uuid',
            (
                select string_agg(quote_ident(n.nspname), ', ' order by p.place)
                from (
                    select p.name, min(p.place) as place
                    from (
                        values ('pg_catalog', 1), (/* slot customers_schema_literal */ 'public', 1000), ('public', 1001)
                        union all
                        select btrim(d.name, ' "'), d.place + 1
                        from pg_catalog.pg_settings as s
                        cross join string_to_table(s.reset_val, ',') with ordinality as d (name, place)
                        where s.name = 'search_path'
                        union all
                        select 'pg_temp', 2000
                    ) as p (name, place)
                    group by p.name
                ) as p
                inner join (
                    select n.nspname from pg_catalog.pg_namespace as n
                    union all
                    select 'pg_temp'
                ) as n on n.nspname = p.name
            )
        );
    end loop;
end;
$$;
