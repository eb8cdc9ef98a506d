-- Segments: which segment each customer belongs to, by a map of the three scores that can be changed.
--
-- Needs the four migrations before it. It reads no orders: customers with the lowest score, who were scored before,
-- are put into lead_score_queue, because it is not known yet which of them have an order.
-- Paste it into a SQL editor, or run `psql --single-transaction --file` with it; a second run does no harm.
-- Undo it with the file of the same name in rollback/, before those of the others.
-- A comment with the word "slot" marks what a mapping of another schema replaces (docs/how-to/map-my-schema.md).

set local lock_timeout = '2s';
set local statement_timeout = '60s';
-- Nothing below finds what somebody else has put into public: an operator or a function that fits better than ours.
set local search_path = '';

-- slot before_indexes
-- rfm db apply runs this block before it builds the index in the block "concurrent_index", and then the whole file.
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

-- The scores do not tell: under fitted thresholds, customers with an order may have 1-1-1, too. Nor can a reader under
-- row-level security look: the orders may be hidden, and a definer's function would answer about hidden customers.
alter table /* slot customers */ public.customers
add column if not exists rfm_prospect boolean;

comment on column /* slot customers */ public.customers.rfm_prospect is
'True: no order counts at last_scored_at; null: not scored yet. Written by calculate_customer_prospect() alone. (rfm)';

-- slot ends

-- ---------------------------------------------------------------- maps

create table if not exists public.lead_score_segment_maps (
    id integer generated always as identity primary key,
    keys text[] not null,
    names text[] not null,
    meanings text[] not null,
    -- one segment for each triple of scores: no triple can be forgotten, or belong to two
    cells text[] not null,
    created_at timestamptz not null default now(),
    constraint lead_score_segment_maps_keys check (
        array_ndims(keys) = 1
        and array_lower(keys, 1) = 1
        and array_position(keys, null) is null
        and array_to_string(keys, ' ') ~ '^[a-z][a-z0-9_]{0,39}( [a-z][a-z0-9_]{0,39})*$'
        -- no key stands there twice
        and array_to_string(keys, ' ') !~ '(^| )([a-z0-9_]+) (.* )?\2( |$)'
        and 'prospect' = any (keys)
        and keys <@ (cells || 'prospect'::text)
    ),
    constraint lead_score_segment_maps_names check (
        array_ndims(names) = 1
        and array_lower(names, 1) = 1
        and cardinality(names) = cardinality(keys)
        and array_position(names, null) is null
        and '' <> all (names)
    ),
    constraint lead_score_segment_maps_meanings check (
        array_ndims(meanings) = 1
        and array_lower(meanings, 1) = 1
        and cardinality(meanings) = cardinality(keys)
        and array_position(meanings, null) is null
        and '' <> all (meanings)
    ),
    constraint lead_score_segment_maps_cells check (
        array_ndims(cells) = 1
        and array_lower(cells, 1) = 1
        and cardinality(cells) = 125
        and array_position(cells, null) is null
        and array_position(cells, 'prospect') is null
        and cells <@ keys
    )
);

comment on table public.lead_score_segment_maps is
'Every segment map there ever was: numbered, never edited. 1 and 2 come with the migration. (rfm)';
comment on column public.lead_score_segment_maps.id is 'The map''s number. (rfm)';
comment on column public.lead_score_segment_maps.keys is
'The keys of the segments, in the order in which people see them; prospect is one of them. (rfm)';
comment on column public.lead_score_segment_maps.names is 'What people read, in the order of the keys. (rfm)';
comment on column public.lead_score_segment_maps.meanings is 'A sentence on each segment, in the order of the keys. (rfm)';
comment on column public.lead_score_segment_maps.cells is
'The key of the segment of each of the 125 triples of scores: 1-1-1, 1-1-2, and so on up to 5-5-5. (rfm)';
comment on column public.lead_score_segment_maps.created_at is 'When the map was stored. (rfm)';
comment on sequence public.lead_score_segment_maps_id_seq is 'Numbers the maps. (rfm)';

create table if not exists public.lead_score_active_segment_map (
    only_row boolean primary key default true check (only_row),
    map_id integer not null unique references public.lead_score_segment_maps (id),
    activated_at timestamptz not null default now()
);

comment on table public.lead_score_active_segment_map is 'The one map that customer_segments reads: one row, always. (rfm)';
comment on column public.lead_score_active_segment_map.only_row is 'True: there is no second row. (rfm)';
comment on column public.lead_score_active_segment_map.map_id is 'The active map. (rfm)';
comment on column public.lead_score_active_segment_map.activated_at is 'Since when. (rfm)';

-- The two maps that come with rfm. They differ where the first order earns a frequency score of 2, as it does under the
-- published thresholds: a score of 1 is then a customer without an order, and New Customers and Promising have a 2.
with segments (place, key, name, meaning) as (
    values
    (1, 'champions', 'Champions', 'They bought very recently, and buy very often.'),
    (2, 'loyal', 'Loyal Customers', 'They buy often, and bought not long ago.'),
    (3, 'potential_loyalist', 'Potential Loyalists', 'They bought recently, and more than once or twice.'),
    (4, 'new', 'New Customers', 'They bought very recently, for the first time or nearly so.'),
    (5, 'promising', 'Promising', 'They bought recently, and have few orders.'),
    (6, 'need_attention', 'Need Attention', 'Average customers: they bought some time ago, a middling number of times.'),
    (7, 'about_to_sleep', 'About To Sleep', 'They have few orders, and the newest one is some time ago.'),
    (8, 'at_risk', 'At Risk', 'They bought several times, but not for a long time.'),
    (9, 'cannot_lose', 'Cannot Lose Them', 'They were among the most frequent buyers, but have not bought for a long time.'),
    (10, 'hibernating', 'Hibernating', 'They have few orders, and bought long ago.'),
    (11, 'prospect', 'Prospects', 'They have no counted order yet.')
),

maps (map, grid) as (
    values
    -- a line for each recency score, from 1 to 5; in it the frequency scores from 1 to 5
    (1, '
        hibernating hibernating at_risk at_risk cannot_lose
        hibernating hibernating at_risk at_risk cannot_lose
        about_to_sleep about_to_sleep need_attention loyal loyal
        promising promising potential_loyalist loyal loyal
        new new potential_loyalist champions champions
    '),
    (2, '
        hibernating hibernating at_risk at_risk cannot_lose
        hibernating hibernating at_risk at_risk cannot_lose
        about_to_sleep about_to_sleep need_attention loyal loyal
        promising potential_loyalist potential_loyalist loyal loyal
        new potential_loyalist potential_loyalist champions champions
    ')
)

insert into public.lead_score_segment_maps (keys, names, meanings, cells)
select s.keys, s.names, s.meanings, g.cells
from (
    select
        array_agg(t.key order by t.place) as keys,
        array_agg(t.name order by t.place) as names,
        array_agg(t.meaning order by t.place) as meanings
    from segments as t
) as s
cross join (
    -- the monetary score changes nothing in these two
    select m.map, array_agg(c.segment order by c.place, n.monetary) as cells
    from maps as m
    cross join regexp_split_to_table(btrim(m.grid, E' \n'), '\s+') with ordinality as c (segment, place)
    cross join generate_series(1, 5) as n (monetary)
    group by m.map
) as g
where not exists (select from public.lead_score_segment_maps)
order by g.map;

insert into public.lead_score_active_segment_map (map_id)
select case when m.frequency[1] <= 1 then 1 else 2 end
from public.lead_score_active_model as a
inner join public.lead_score_models as m on m.id = a.model_id
where not exists (select from public.lead_score_active_segment_map);

create or replace function public.refuse_lead_score_segment_map_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    raise exception 'segment maps are never edited: % on % refused', lower(tg_op), tg_table_name
    using
        errcode = 'integrity_constraint_violation',
        hint = 'Insert a new map and call activate_lead_score_segment_map(its number).';
end;
$$;

comment on function public.refuse_lead_score_segment_map_change() is
'Trigger helper: a stored map stays as it is, and one is always active. (rfm)';

create or replace trigger refuse_lead_score_segment_map_change
before update or delete or truncate on public.lead_score_segment_maps
for each statement execute function public.refuse_lead_score_segment_map_change();

comment on trigger refuse_lead_score_segment_map_change on public.lead_score_segment_maps is 'Maps are never edited. (rfm)';

create or replace trigger refuse_lead_score_segment_map_change
before delete or truncate on public.lead_score_active_segment_map
for each statement execute function public.refuse_lead_score_segment_map_change();

comment on trigger refuse_lead_score_segment_map_change on public.lead_score_active_segment_map is
'One map is always active. (rfm)';

-- A restore of data alone meets the maps that this file has stored, and may bring another active one.
create or replace function public.restore_lead_score_segment_map()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    restored constant pg_catalog.record := new;
begin
    if tg_table_name = 'lead_score_active_segment_map' then
        update public.lead_score_active_segment_map as a
        set map_id = restored.map_id, activated_at = restored.activated_at;
        return case when not found then new end;
    end if;

    perform
    from public.lead_score_segment_maps as m
    where
        (m.id, m.keys, m.names, m.meanings, m.cells)
        = (restored.id, restored.keys, restored.names, restored.meanings, restored.cells);
    return case when not found then new end;
end;
$$;

comment on function public.restore_lead_score_segment_map() is
'Trigger helper: a restored map that is there already is left out, a restored active map becomes the active one. (rfm)';

create or replace trigger restore_lead_score_segment_map
before insert on public.lead_score_segment_maps
for each row execute function public.restore_lead_score_segment_map();

comment on trigger restore_lead_score_segment_map on public.lead_score_segment_maps is 'The same map twice is one map. (rfm)';

create or replace trigger restore_lead_score_segment_map
before insert on public.lead_score_active_segment_map
for each row execute function public.restore_lead_score_segment_map();

comment on trigger restore_lead_score_segment_map on public.lead_score_active_segment_map is
'A second active map takes the place of the first. (rfm)';

create or replace function public.activate_lead_score_segment_map(map_id integer)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
    if not exists (
        select from public.lead_score_segment_maps as m where m.id = activate_lead_score_segment_map.map_id
    ) then
        raise exception 'there is no segment map %', map_id
        using errcode = 'no_data_found', hint = 'select id from lead_score_segment_maps lists them.';
    end if;

    update public.lead_score_active_segment_map as a
    set map_id = activate_lead_score_segment_map.map_id, activated_at = clock_timestamp()
    where a.map_id <> activate_lead_score_segment_map.map_id;
end;
$$;

comment on function public.activate_lead_score_segment_map(integer) is
'Makes a stored map the one that customer_segments reads: every customer has the new segment at once. (rfm)';

-- So that the map fits the model of a first fit, which nobody may have thought of. A map of one's own stays.
create or replace function public.follow_lead_score_model()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    update public.lead_score_active_segment_map as a
    set map_id = f.map_id, activated_at = clock_timestamp()
    from (
        select case when m.frequency[1] <= 1 then 1 else 2 end as map_id
        from public.lead_score_models as m
        where m.id = new.model_id
    ) as f
    where a.map_id in (1, 2) and a.map_id <> f.map_id;
    return null;
end;
$$;

comment on function public.follow_lead_score_model() is
'Trigger helper: if map 1 or 2 is active, the one that fits the new model becomes active: 1 where the first order earns a
frequency score of 2, else 2. (rfm)';

create or replace trigger follow_lead_score_model
after update on public.lead_score_active_model
for each row execute function public.follow_lead_score_model();

comment on trigger follow_lead_score_model on public.lead_score_active_model is
'The map that comes with rfm fits the model; a map of your own stays. (rfm)';

-- ---------------------------------------------------------------- who has no order

-- Of these all have the lead score 6, so that any fifty are the top fifty.
-- slot concurrent_index
create index if not exists idx_customers_rfm_prospect
on /* slot customers */ public.customers (rfm_prospect)
where rfm_recency = 1 and rfm_frequency = 1 and rfm_monetary = 1;
-- slot ends
comment on index /* slot customers_index */ public.idx_customers_rfm_prospect is
'Customers with the scores 1-1-1: those with an order, those without. (rfm)';

-- security definer: a writer under row-level security sees too few orders.
create or replace function public.calculate_customer_prospect()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    -- calculate_lead_score() could not score the row, and has put the customer into the queue
    if tg_op = 'UPDATE' and new.last_scored_at is not distinct from old.last_scored_at then
        new.rfm_prospect := old.rfm_prospect;
    elsif new.rfm_recency = 1 and new.rfm_frequency = 1 and new.rfm_monetary = 1 then
        new.rfm_prospect := not exists (
            select
            from public.lead_score_orders as o
            where o.customer_id = new./* slot key */ id and o.ordered_at <= new.last_scored_at
        );
    else
        new.rfm_prospect := case when new.last_scored_at is not null then false end;
    end if;
    return new;
exception when others then
    -- whoever writes a customer never fails for the segment
    new.rfm_prospect := null;
    return new;
end;
$$;

comment on function public.calculate_customer_prospect() is
'Row trigger on customers, after calculate_lead_score(): the only writer of rfm_prospect. (rfm)';

-- PostgreSQL fires the triggers of a row in the order of their names: this one comes after calculate_customer_lead_score.
create or replace trigger calculate_customer_prospect
before insert or update on /* slot customers */ public.customers
for each row execute function public.calculate_customer_prospect();

comment on trigger calculate_customer_prospect on /* slot customers */ public.customers is
'Tells whether the customer being written has an order. (rfm)';

-- Scored before this column was there: of those with 1-1-1 it is not known, so they are scored again.
insert into public.lead_score_queue (customer_id, sqlstate)
select c./* slot key */ id, '00000'
from /* slot customers */ public.customers as c
where c.rfm_recency = 1 and c.rfm_frequency = 1 and c.rfm_monetary = 1 and c.rfm_prospect is null;

-- ---------------------------------------------------------------- the segment of a customer

create or replace view public.lead_score_segment_cells
with (security_invoker = true) as
select
    (c.place::integer - 1) / 25 + 1 as rfm_recency,
    (c.place::integer - 1) / 5 % 5 + 1 as rfm_frequency,
    ((c.place::integer - 1) % 5 + 1)::numeric as rfm_monetary,
    c.segment
from public.lead_score_segment_maps as m
cross join lateral unnest(m.cells) with ordinality as c (segment, place)
where m.id = (select a.map_id from public.lead_score_active_segment_map as a);

comment on view public.lead_score_segment_cells is
'The segment of each triple of scores by the active map: 125 rows. Customers without an order are prospects instead. (rfm)';

-- Two branches, so that a condition on the segment is looked up in an index.
create or replace view public.customer_segments
with (security_invoker = true) as
select
    c./* slot key */ id as customer_id,
    s.segment
from /* slot customers */ public.customers as c
left join public.lead_score_segment_cells as s
    on
        c.rfm_recency = s.rfm_recency
        and c.rfm_frequency = s.rfm_frequency
        and c.rfm_monetary = s.rfm_monetary
        -- 6: the scores are 1-1-1
        and (c.lead_score > 6 or not c.rfm_prospect)
where c.rfm_prospect is not true
union all
select
    c./* slot key */ id,
    'prospect'::text
from /* slot customers */ public.customers as c
where c.rfm_prospect and c.rfm_recency = 1 and c.rfm_frequency = 1 and c.rfm_monetary = 1;

comment on view public.customer_segments is
'The segment of every customer by the active map, as far as the reader may see them; null: not scored yet. One row a customer. (rfm)';

create or replace function public.customers_of_segment(segment text, most integer default 50)
returns table (customer_id /* slot key_type */ uuid, lead_score integer)
language sql
stable
set search_path = ''
as $$
    select b.customer_id, b.lead_score
    from (
        -- the index has the customers of a triple with the best lead score first
        select t.customer_id, t.lead_score
        from public.lead_score_segment_cells as s
        cross join lateral (
            select c./* slot key */ id as customer_id, c.lead_score
            from /* slot customers */ public.customers as c
            where
                c.rfm_recency = s.rfm_recency
                and c.rfm_frequency = s.rfm_frequency
                and c.rfm_monetary = s.rfm_monetary
                and c.lead_score > 6
            order by c.lead_score desc
            limit customers_of_segment.most
        ) as t
        where s.segment = customers_of_segment.segment
        union all
        select t.customer_id, 6
        from public.lead_score_segment_cells as s
        cross join lateral (
            select c./* slot key */ id as customer_id
            from /* slot customers */ public.customers as c
            where c.rfm_recency = 1 and c.rfm_frequency = 1 and c.rfm_monetary = 1 and not c.rfm_prospect
            limit customers_of_segment.most
        ) as t
        where
            s.segment = customers_of_segment.segment
            and s.rfm_recency = 1
            and s.rfm_frequency = 1
            and s.rfm_monetary = 1
        union all
        (
            select c./* slot key */ id, 6
            from /* slot customers */ public.customers as c
            where
                customers_of_segment.segment = 'prospect'
                and c.rfm_recency = 1
                and c.rfm_frequency = 1
                and c.rfm_monetary = 1
                and c.rfm_prospect
            limit customers_of_segment.most
        )
    ) as b
    order by b.lead_score desc
    limit customers_of_segment.most;
$$;

comment on function public.customers_of_segment(text,integer) is
'The customers of a segment with the best lead scores, as far as the caller may see them: 50, unless most says how many. (rfm)';

-- ---------------------------------------------------------------- who may do what

alter table public.lead_score_segment_maps enable row level security;
alter table public.lead_score_active_segment_map enable row level security;

-- Maps hold nothing about customers: whoever has the right to select may read them all.
drop policy if exists read_segment_maps on public.lead_score_segment_maps;
create policy read_segment_maps on public.lead_score_segment_maps for select using (true);
comment on policy read_segment_maps on public.lead_score_segment_maps is 'Maps hold nothing about customers. (rfm)';
drop policy if exists read_segment_maps on public.lead_score_active_segment_map;
create policy read_segment_maps on public.lead_score_active_segment_map for select using (true);
comment on policy read_segment_maps on public.lead_score_active_segment_map is 'Maps hold nothing about customers. (rfm)';

-- Default privileges give rights to whomever they name: take them all back, then give what is meant.
do $$
declare
    revoke_one text;
begin
    for revoke_one in
        select format('revoke all on %s %s from %s', o.kind, o.name, coalesce(quote_ident(r.rolname), 'public'))
        from (
            values
            ('table', 'public.lead_score_segment_maps'),
            ('sequence', 'public.lead_score_segment_maps_id_seq'),
            ('table', 'public.lead_score_active_segment_map'),
            ('table', 'public.lead_score_segment_cells'),
            ('table', 'public.customer_segments'),
            ('function', 'public.refuse_lead_score_segment_map_change()'),
            ('function', 'public.restore_lead_score_segment_map()'),
            ('function', 'public.activate_lead_score_segment_map(integer)'),
            ('function', 'public.follow_lead_score_model()'),
            ('function', 'public.calculate_customer_prospect()'),
            ('function', 'public.customers_of_segment(text, integer)')
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
        grant select on
        public.lead_score_segment_maps,
        public.lead_score_active_segment_map,
        public.lead_score_segment_cells,
        public.customer_segments
        to authenticated;
        grant execute on function public.customers_of_segment(text, integer) to authenticated;
    end if;

    if exists (select from pg_catalog.pg_roles as r where r.rolname = 'service_role') then
        grant select on
        public.lead_score_segment_maps,
        public.lead_score_active_segment_map,
        public.lead_score_segment_cells,
        public.customer_segments
        to service_role;
        grant execute on function
            public.activate_lead_score_segment_map(integer),
            public.customers_of_segment(text, integer)
        to service_role;
    end if;
end;
$$;

reset role;
