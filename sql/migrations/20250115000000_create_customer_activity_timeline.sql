-- Customer activity timeline: orders, messages and deals of a customer in one list.
--
-- Needs the tables public.customers, public.orders, public.messages and public.deals.
-- Paste it into a SQL editor, or run `psql --single-transaction --file` with it; a second run does no harm.
-- Undo it with the file of the same name in rollback/.
-- A comment with the word "slot" marks what a mapping of another schema replaces (docs/how-to/map-my-schema.md).

set local lock_timeout = '2s';
set local statement_timeout = 0; -- filling the timeline takes its time, and blocks nobody
-- Nothing below finds what somebody else has put into public: an operator or a function that fits better than ours.
set local search_path = '';

-- slot record_mapping
-- The files of a mapping record it here, in schema rfm.
-- slot ends

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

-- The one place that knows what an activity is. It is filtered by row-level security as the reader
-- (security_invoker), so this view, and not the materialized one, is what a signed-in user may read.
create or replace view public.customer_activities
with (security_invoker = true) as
-- slot activities_select
select
    o.customer_id,
    'order'::text as activity_type,
    o.created_at,
    o.id as activity_id,
    jsonb_build_object(
        'status', o.status,
        'total_cents', o.total_cents,
        'currency', o.currency,
        'event_name', o.event_name
    ) as metadata
from public.orders as o
where o.customer_id is not null
union all
select
    m.customer_id,
    'message'::text as activity_type,
    m.created_at,
    m.id as activity_id,
    jsonb_build_object(
        'channel', m.channel,
        'direction', m.direction,
        'subject', m.subject
    ) as metadata
from public.messages as m
where m.customer_id is not null
union all
select
    d.customer_id,
    'deal'::text as activity_type,
    d.created_at,
    d.id as activity_id,
    jsonb_build_object(
        'title', d.title,
        'stage', d.stage,
        'value_cents', d.value_cents,
        'closed_at', d.closed_at
    ) as metadata
from public.deals as d
where d.customer_id is not null;
-- slot ends

comment on view public.customer_activities is
'Orders, messages and deals of the customers the reader may see, live. One row an activity. (rfm)';

create materialized view if not exists public.customer_activity_timeline as
select
    a.customer_id,
    a.activity_type,
    a.created_at,
    a.activity_id,
    a.metadata
from public.customer_activities as a;

comment on materialized view public.customer_activity_timeline is
'customer_activities as of the last refresh, indexed by customer and time. For the owner and service_role:
row-level security cannot filter a materialized view. (rfm)';

-- Unique over every row, so that REFRESH MATERIALIZED VIEW CONCURRENTLY works.
create unique index if not exists idx_customer_activity_customer_date
on public.customer_activity_timeline (customer_id, created_at desc, activity_type, activity_id);

comment on index public.idx_customer_activity_customer_date is
'One customer''s timeline, newest first; unique, as a concurrent refresh needs. (rfm)';

create index if not exists idx_customer_activity_type
on public.customer_activity_timeline (activity_type, created_at desc);

comment on index public.idx_customer_activity_type is 'Activities of one type, newest first. (rfm)';

-- Default privileges give rights to whomever they name: take them all back, then give what is meant.
do $$
declare
    revoke_one text;
begin
    for revoke_one in
        select format('revoke all on %s %s from %s cascade', o.kind, o.name, coalesce(quote_ident(r.rolname), 'public'))
        from (
            values
            ('table', 'public.customer_activities'),
            ('table', 'public.customer_activity_timeline')
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
        grant select on public.customer_activities to authenticated;
    end if;

    if exists (select from pg_catalog.pg_roles as r where r.rolname = 'service_role') then
        grant select on public.customer_activities, public.customer_activity_timeline to service_role;
    end if;
end;
$$;
