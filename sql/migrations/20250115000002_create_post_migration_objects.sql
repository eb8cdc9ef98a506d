-- Post-migration tasks: refreshing the timeline, its daily schedule, and views for common queries.
--
-- Needs the two migrations before it.
-- Paste it into a SQL editor, or run `psql --single-transaction --file` with it; a second run does no harm.
-- Undo it with the file of the same name in rollback/, before those of the other two.
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

-- security definer: only its owner can refresh a materialized view.
create or replace function public.refresh_customer_activity_timeline()
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
    -- concurrently, so that readers never wait; a view that was restored without data cannot be
    if (
        select c.relispopulated
        from pg_catalog.pg_class as c
        where c.oid = to_regclass('public.customer_activity_timeline')
    ) then
        refresh materialized view concurrently public.customer_activity_timeline;
    else
        refresh materialized view public.customer_activity_timeline;
    end if;

    -- the fourth migration brings this table
    if to_regclass('public.customer_activity_refresh') is not null then
        insert into public.customer_activity_refresh as r (refreshed_at, filenode)
        values (now(), pg_relation_filenode('public.customer_activity_timeline'))
        on conflict (only_row) do update
        set refreshed_at = excluded.refreshed_at, filenode = excluded.filenode;
    end if;
end;
$$;

comment on function public.refresh_customer_activity_timeline() is
'Brings customer_activity_timeline up to date without blocking its readers. (rfm)';

-- The one place that knows which columns of the customers people are shown.
create or replace view public.lead_score_customers
with (security_invoker = true) as
select
    c./* slot key */ id as id,
    /* slot email */ c.email as email,
    /* slot full_name */ c.full_name as full_name,
    c.lead_score,
    c.rfm_recency,
    c.rfm_frequency,
    c.rfm_monetary,
    c.last_scored_at
from /* slot customers */ public.customers as c;

comment on view public.lead_score_customers is
'Every customer with the scores, as far as the reader may see them. One row a customer. (rfm)';

-- slot with_deals
-- The one place that knows the shape of the deals. A value is in the currency's main unit.
create or replace view public.lead_score_deals
with (security_invoker = true) as
-- slot deals_select
select
    d.id as deal_id,
    d.customer_id,
    d.stage,
    d.value_cents * 0.01 as value,
    d.created_at,
    d.closed_at
from public.deals as d;
-- slot ends

comment on view public.lead_score_deals is
'The deals of the customers, open ones and closed ones, as far as the reader may see them. One row a deal. (rfm)';
-- slot ends

create or replace view public.hot_leads
with (security_invoker = true) as
select
    c.id,
    c.email,
    c.full_name,
    c.lead_score,
    c.rfm_recency,
    c.rfm_frequency,
    c.rfm_monetary,
    c.last_scored_at
from public.lead_score_customers as c
where c.lead_score >= 24
order by c.lead_score desc;

comment on view public.hot_leads is 'Customers with a lead score of 24 to 30, best first, as far as the reader may see them. (rfm)';

create or replace view public.customer_activity_summary
with (security_invoker = true) as
select
    t.customer_id,
    count(*) as total_activities,
    count(*) filter (where t.activity_type = 'order') as order_count,
    count(*) filter (where t.activity_type = 'message') as message_count,
    count(*) filter (where t.activity_type = 'deal') as deal_count,
    max(t.created_at) as last_activity_at
from public.customer_activity_timeline as t
group by t.customer_id;

comment on view public.customer_activity_summary is
'How many activities of each type a customer has, as of the last refresh of the timeline. (rfm)';

-- Default privileges give rights to whomever they name: take them all back, then give what is meant.
do $$
declare
    revoke_one text;
begin
    for revoke_one in
        select format('revoke all on %s %s from %s cascade', o.kind, o.name, coalesce(quote_ident(r.rolname), 'public'))
        from (
            values
            ('table', 'public.lead_score_customers'),
            ('table', 'public.lead_score_deals'),
            ('table', 'public.hot_leads'),
            ('table', 'public.customer_activity_summary'),
            ('function', 'public.refresh_customer_activity_timeline()')
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
        grant select on public.lead_score_customers, public.hot_leads to authenticated;
        -- slot with_deals
        grant select on public.lead_score_deals to authenticated;
        -- slot ends
    end if;

    if exists (select from pg_catalog.pg_roles as r where r.rolname = 'service_role') then
        grant select on public.lead_score_customers, public.hot_leads, public.customer_activity_summary to service_role;
        -- slot with_deals
        grant select on public.lead_score_deals to service_role;
        -- slot ends
        grant execute on function public.refresh_customer_activity_timeline() to service_role;
    end if;
end;
$$;

-- The job belongs to whoever runs this: the owner of the customers may be a role that cannot log in.
reset role;

do $$
begin
    -- dynamic: the schema cron is there only where the extension is
    if exists (select from pg_catalog.pg_extension as e where e.extname = 'pg_cron') then
        execute $cron$
            select cron.schedule(
                'refresh-customer-timeline',
                '0 2 * * *',
                'select public.refresh_customer_activity_timeline()'
            )
        $cron$;
    end if;
end;
$$;
