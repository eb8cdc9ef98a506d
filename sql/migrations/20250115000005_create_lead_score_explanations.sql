-- Explanations: why a customer has a score, what raises it, and when it falls.
--
-- Needs the five migrations before it. It reads no data.
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
        exception when lock_not_available then
            perform pg_sleep(0.1);
        end;
    end loop;
    raise exception 'the models could not be locked within some seconds, and nothing was changed'
    using errcode = 'lock_not_available', hint = 'Try again when fewer write orders.';
end;
$$;

-- security invoker (the default): the caller's row-level security decides whose orders it reads.
-- timezone: its instants are text.
-- jit: to compile its expressions takes seconds, to run them some milliseconds.
create or replace function public.explain_lead_score(customer_id /* slot key_type */ uuid)
returns jsonb
language plpgsql
stable
set search_path = ''
set timezone = 'UTC'
set jit = 'off'
as $$
declare
    instant constant pg_catalog.text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
    explanation jsonb;
begin
    with customer as (
        select
            c.id,
            -- a customer without a score is explained for now
            coalesce(nullif(nullif(c.last_scored_at, 'infinity'), '-infinity'), statement_timestamp()) as as_of,
            c.last_scored_at,
            coalesce(c.lead_score, 0) as stored
        from public.lead_score_customers as c
        where c.id = explain_lead_score.customer_id
    ),

    model as (
        select
            m.id,
            m.recency,
            m.recency_negated,
            m.weights,
            -- no order earns no point, nor does negative spend
            array(select greatest(t.least, 1) from unnest(m.frequency) with ordinality as t (least, place) order by t.place)
                as frequency,
            array(select greatest(t.least, 0) from unnest(m.monetary) with ordinality as t (least, place) order by t.place)
                as monetary,
            10.0 ^ -greatest(2, (select max(min_scale(greatest(t.least, 0))) from unnest(m.monetary) as t (least))) as step
        from public.lead_score_active_model as a
        inner join public.lead_score_models as m on m.id = a.model_id
    ),

    numbers as (
        select
            nullif(max(o.ordered_at) filter (where o.ordered_at <= c.as_of), '-infinity') as last_order_at,
            count(*) filter (where o.ordered_at <= c.as_of) as frequency,
            coalesce(sum(o.amount) filter (where o.ordered_at <= c.as_of), 0) as monetary,
            count(*) filter (where o.ordered_at > c.as_of and o.ordered_at < 'infinity') as coming,
            min(o.ordered_at) filter (where o.ordered_at > c.as_of and o.ordered_at < 'infinity') as next_order_at,
            count(*) filter (where o.ordered_at = 'infinity' or o.ordered_at is null) as undated
        from customer as c
        inner join public.lead_score_orders as o on o.customer_id = c.id
    ),

    scores as (
        select
            n.*,
            extract(day from c.as_of - n.last_order_at)::integer as days,
            1 + coalesce(
                width_bucket(-extract(day from c.as_of - n.last_order_at)::integer, m.recency_negated), 0
            ) as recency_score,
            1 + case when n.frequency > 0 then width_bucket(n.frequency, m.frequency) else 0 end as frequency_score,
            1 + case
                when n.frequency > 0 and n.monetary >= 0 then width_bucket(n.monetary, m.monetary)
                else 0
            end as monetary_score
        from numbers as n
        cross join customer as c
        cross join model as m
    ),

    total as (
        select
            s.recency_score * m.weights[1]
            + s.frequency_score * m.weights[2]
            + s.monetary_score * m.weights[3] as lead_score
        from scores as s
        cross join model as m
    ),

    -- one order moves recency, frequency and monetary at once: each number of orders that reaches a frequency
    -- threshold, with each spend that reaches a monetary one
    ways as (
        select
            o.orders,
            p.spend,
            (1 + cardinality(m.recency)) * m.weights[1]
            + (1 + width_bucket(s.frequency + o.orders, m.frequency)) * m.weights[2]
            + (
                1 + case when s.monetary + p.spend >= 0 then width_bucket(s.monetary + p.spend, m.monetary) else 0 end
            ) * m.weights[3] as lead_score
        from scores as s
        cross join model as m
        cross join lateral (
            select 1::bigint as orders
            union
            select t.least - s.frequency from unnest(m.frequency) as t (least) where t.least > s.frequency
        ) as o
        cross join lateral (
            select 0::numeric as spend
            union
            select ceil((t.least - s.monetary) / m.step) * m.step
            from unnest(m.monetary) as t (least)
            where t.least > s.monetary
        ) as p
    ),

    cheapest as (
        select distinct on (w.lead_score) w.*
        from ways as w
        cross join total as t
        where w.lead_score > t.lead_score
        order by w.lead_score, w.orders, w.spend
    ),

    -- the thresholds that are met now, from the tightest on; a later order that is known ends the staircase
    steps as (
        select
            s.last_order_at + t.days * interval '24 hours' as at,
            m.weights[1] * (s.recency_score - 1 - width_bucket(-t.days::integer, m.recency_negated)) as points
        from scores as s
        cross join model as m
        cross join lateral (
            select distinct r.most + 1::bigint as days from unnest(m.recency) as r (most)
        ) as t
        where
            t.days > s.days
            -- the calendar of most languages ends with the year 9999
            and t.days < extract(day from '10000-01-01 00:00:00+00'::timestamp with time zone - s.last_order_at)
    ),

    falls as (
        select f.at, t.lead_score - f.points as lead_score
        from steps as f
        cross join scores as s
        cross join total as t
        where f.at < s.next_order_at or s.next_order_at is null
    ),

    uncounted as (
        -- slot uncounted_orders
        select lower(o.status collate "C") as status, count(*) as orders
        from public.orders as o
        where
            o.customer_id = explain_lead_score.customer_id
            and lower(o.status collate "C") in ('cancelled', 'canceled', 'refunded', 'failed', 'void')
        group by lower(o.status collate "C")
        -- slot ends
    ),

    queued as (
        select q.sqlstate, q.queued_at
        from public.lead_score_queue as q
        where q.customer_id = explain_lead_score.customer_id or q.customer_id is null
        order by q.queued_at
        limit 1
    ),

    notes (place, kind, orders, status, lead_score, sqlstate, since) as (
        select
            array_position(
                array['cancelled', 'canceled', 'refunded', 'failed', 'void'], u.status
            ), 'uncounted_status', u.orders, u.status, null::integer, null::pg_catalog.text, null::timestamp with time zone
        from uncounted as u
        union all
        select 10, 'after_as_of', s.coming, null, null, null, s.next_order_at
        from scores as s
        where s.coming > 0
        union all
        select 11, 'undated', s.undated, null, null, null, null
        from scores as s
        where s.undated > 0
        union all
        select 12, 'not_scored', null, null, null, null, null
        from customer as c
        where c.last_scored_at is null
        union all
        select 13, 'queued', null, null, null, q.sqlstate, q.queued_at
        from queued as q
        union all
        select 14, 'stored_score', null, null, c.stored, null, null
        from customer as c
        cross join total as t
        where c.stored <> t.lead_score and c.last_scored_at is not null
        union all
        select 15, 'time', null, null, null, null, min(f.at)
        from falls as f
        where f.at <= statement_timestamp()
        having count(*) > 0
        union all
        select 16, 'hidden_orders', null, null, null, null, null
        where
            false
            -- slot each_order_table
            or row_security_active(/* slot order_table_literal */ 'public.orders'::pg_catalog.regclass)
            -- slot ends
    ),

    categories (least, category) as (
        values (6, 'Cold'), (12, 'Cool'), (18, 'Warm'), (24, 'Hot')
    )

    select jsonb_build_object(
        'customer_id', c.id::pg_catalog.text,
        'lead_score', t.lead_score,
        'category', (select max(k.category) filter (where k.least = 6 * (least(t.lead_score, 29) / 6)) from categories as k),
        'segment', case when s.frequency = 0 then 'prospect' else g.segment end,
        'as_of', to_char(c.as_of, instant),
        'model', m.id,
        'segment_map', (select a.map_id from public.lead_score_active_segment_map as a),
        'last_order_at', case
            when s.last_order_at >= '0001-01-01 00:00:00+00'::timestamp with time zone then to_char(s.last_order_at, instant)
        end,
        'numbers', jsonb_build_object(
            'recency', jsonb_build_object(
                'value', s.days,
                'unit', 'days',
                'score', s.recency_score,
                'threshold', m.recency[s.recency_score - 1],
                'next_threshold', m.recency[s.recency_score],
                'weight', m.weights[1],
                'points', m.weights[1] * s.recency_score,
                'thresholds', m.recency
            ),
            'frequency', jsonb_build_object(
                'value', s.frequency,
                'unit', 'orders',
                'score', s.frequency_score,
                'threshold', m.frequency[s.frequency_score - 1],
                'next_threshold', m.frequency[s.frequency_score],
                'weight', m.weights[2],
                'points', m.weights[2] * s.frequency_score,
                'thresholds', m.frequency
            ),
            'monetary', jsonb_build_object(
                'value', round(s.monetary, greatest(2, min_scale(s.monetary)))::pg_catalog.text,
                'unit', 'currency',
                'score', s.monetary_score,
                'threshold', p.texts[s.monetary_score - 1],
                'next_threshold', p.texts[s.monetary_score],
                'weight', m.weights[3],
                'points', m.weights[3] * s.monetary_score,
                'thresholds', p.texts
            )
        ),
        'raises', coalesce(r.raises, '[]'),
        'falls', coalesce(f.falls, '[]'),
        'notes', coalesce(n.notes, '[]')
    )
    into explanation
    from customer as c
    cross join model as m
    cross join scores as s
    cross join total as t
    left join public.lead_score_segment_cells as g
        on
            g.rfm_recency = s.recency_score
            and g.rfm_frequency = s.frequency_score
            and g.rfm_monetary = s.monetary_score
    cross join lateral (
        select
            array(
                select round(l.least, greatest(2, min_scale(l.least)))::pg_catalog.text
                from unnest(m.monetary) with ordinality as l (least, place)
                order by l.place
            ) as texts
    ) as p
    cross join lateral (
        select
            jsonb_agg(
                jsonb_build_object(
                    'orders', w.orders,
                    'spend', round(w.spend, greatest(2, min_scale(w.spend)))::pg_catalog.text,
                    'lead_score', w.lead_score,
                    'category', (
                        select max(k.category) filter (where k.least = 6 * (least(w.lead_score, 29) / 6))
                        from categories as k
                    )
                )
                order by w.orders, w.spend
            ) as raises
        from (select q.* from cheapest as q order by q.orders, q.spend limit 4) as w
    ) as r
    cross join lateral (
        select
            jsonb_agg(
                jsonb_build_object(
                    'at', to_char(w.at, instant),
                    'lead_score', w.lead_score,
                    'category', (
                        select max(k.category) filter (where k.least = 6 * (least(w.lead_score, 29) / 6))
                        from categories as k
                    )
                )
                order by w.at
            ) as falls
        from falls as w
    ) as f
    cross join lateral (
        select
            jsonb_agg(
                jsonb_strip_nulls(
                    jsonb_build_object(
                        'kind', w.kind,
                        'orders', w.orders,
                        'status', w.status,
                        'lead_score', w.lead_score,
                        'sqlstate', w.sqlstate,
                        'since', to_char(w.since, instant)
                    )
                )
                order by w.place
            ) as notes
        from notes as w
    ) as n;

    if explanation is null then
        raise exception 'there is no customer %, or you may not see the customer', customer_id
        using errcode = 'no_data_found', hint = 'select id from lead_score_customers lists those that you may see.';
    end if;

    return explanation;
end;
$$;

comment on function public.explain_lead_score(/* slot key_type */ uuid) is
'Why a customer has the score, as of last_scored_at: numbers, points, what raises it, when it falls, and what it leaves out,
from the orders that the caller may see. Fails for a customer that the caller may not see as for one that there is not. (rfm)';

-- ---------------------------------------------------------------- who may do what

-- The models in use hold nothing about customers: whoever has the right to select may read the active one.
drop policy if exists read_active_model on public.lead_score_models;
create policy read_active_model on public.lead_score_models
for select using (id = (select a.model_id from public.lead_score_active_model as a));
comment on policy read_active_model on public.lead_score_models is 'The active model holds nothing about customers. (rfm)';
drop policy if exists read_active_model on public.lead_score_active_model;
create policy read_active_model on public.lead_score_active_model for select using (only_row);
comment on policy read_active_model on public.lead_score_active_model is 'Which model is active says nothing about customers. (rfm)';
drop policy if exists read_own_customers on public.lead_score_queue;
create policy read_own_customers on public.lead_score_queue
for select using (
    customer_id is null
    or exists (select from public.lead_score_customers as c where c.id = lead_score_queue.customer_id)
);
comment on policy read_own_customers on public.lead_score_queue is 'A reader sees the rows of the customers that they may see. (rfm)';

-- Default privileges give rights to whomever they name: take them all back, then give what is meant.
do $$
declare
    revoke_one text;
begin
    for revoke_one in
        select format('revoke all on function %s from %s', o.name, coalesce(quote_ident(r.rolname), 'public'))
        from (values ('public.explain_lead_score(' || /* slot key_type_literal */ 'uuid' || ')')) as o (name)
        inner join pg_catalog.pg_proc as p on p.oid = to_regprocedure(o.name)
        cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        left join pg_catalog.pg_roles as r on r.oid = a.grantee
        where a.grantee <> p.proowner
        group by o.name, r.rolname
    loop
        execute revoke_one;
    end loop;

    if exists (select from pg_catalog.pg_roles as r where r.rolname = 'authenticated') then
        -- not how many customers the model was fitted on
        grant select (id, recency, recency_negated, frequency, monetary, weights)
        on public.lead_score_models to authenticated;
        grant select (model_id) on public.lead_score_active_model to authenticated;
        grant select (customer_id, sqlstate, queued_at) on public.lead_score_queue to authenticated;
        grant select on public.lead_score_orders to authenticated;
        grant execute on function public.explain_lead_score(/* slot key_type */ uuid) to authenticated;
    end if;

    if exists (select from pg_catalog.pg_roles as r where r.rolname = 'service_role') then
        grant execute on function public.explain_lead_score(/* slot key_type */ uuid) to service_role;
    end if;
end;
$$;

reset role;
