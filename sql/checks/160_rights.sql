-- Nobody has a right on an object of rfm who should not have it, and all of them have the owner of the customers.
with ours as (
    select c.oid::regclass::text as name, c.relname as short_name, c.relowner as owner, c.relacl as acl, c.oid as table_id
    from pg_catalog.pg_class as c
    where
        c.oid in (
            to_regclass('public.lead_score_models'),
            to_regclass('public.lead_score_models_id_seq'),
            to_regclass('public.lead_score_active_model'),
            to_regclass('public.lead_score_queue'),
            to_regclass('public.lead_score_orders'),
            to_regclass('public.lead_score_rescoring'),
            to_regclass('public.lead_score_customers'),
            to_regclass('public.lead_score_deals'),
            to_regclass('public.customer_activity_refresh'),
            to_regclass('public.customer_activities'),
            to_regclass('public.customer_activity_timeline'),
            to_regclass('public.customer_activity_summary'),
            to_regclass('public.hot_leads'),
            to_regclass('public.lead_score_segment_maps'),
            to_regclass('public.lead_score_active_segment_map'),
            to_regclass('public.lead_score_segment_cells'),
            to_regclass('public.customer_segments'),
            to_regclass('public.lead_score_history'),
            to_regclass('public.lead_score_history_state'),
            to_regclass('public.lead_score_history_events'),
            to_regclass('public.lead_score_consumers'),
            to_regclass('public.lead_score_events')
        )
    union all
    select p.oid::regprocedure::text, p.proname, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)), null
    from pg_catalog.pg_proc as p
    where
        p.pronamespace = 'public'::regnamespace
        and p.proname in (
            'calculate_lead_score',
            'recalculate_customer_lead_score',
            'recalculate_lead_score_siblings',
            'refuse_lead_score_model_change',
            'restore_lead_score_model',
            'restore_lead_score_rescoring',
            'touch_lead_scores',
            'touch_free_customers',
            'has_false_lead_score',
            'score_customers_of_orders',
            'score_customers',
            'score_queued_customers',
            'activate_lead_score_model',
            'wait_for_lead_score_writers',
            'fit_lead_score_model',
            'lead_score_drift',
            'queue_stale_customers',
            'rescore_stale_customers',
            'schedule_lead_score_jobs',
            'lead_score_health',
            'refresh_customer_activity_timeline',
            'refuse_lead_score_segment_map_change',
            'restore_lead_score_segment_map',
            'activate_lead_score_segment_map',
            'follow_lead_score_model',
            'calculate_customer_prospect',
            'customers_of_segment',
            'explain_lead_score',
            'restore_lead_score_history_state',
            'append_lead_score_events',
            'lead_scores_with_active_model',
            'record_lead_score_change',
            'record_lead_score_baseline',
            'may_see_customer',
            'lead_score_segment',
            'lead_scores_at',
            'lead_score_moves',
            'lead_score_trends',
            'notice_lead_score_restore',
            'lead_score_events_next',
            'claim_lead_score_consumer',
            'lead_score_events_done',
            'lead_score_events_forget',
            'prune_lead_score_history',
            'notify_lead_score_events'
        )
),

columns as (
    select format('%s.%I', o.name, a.attname) as name, o.short_name || '.' || a.attname as short_name, o.owner, a.attacl as acl
    from ours as o
    inner join pg_catalog.pg_attribute as a on a.attrelid = o.table_id
    where a.attacl is not null
),

-- what rfm remembers, by whoever applied it; each role reads the mapping and the record that was granted it by hand
remembered as (
    select 'schema rfm' as name, 'rfm' as short_name, n.nspowner as owner, n.nspacl as acl
    from pg_catalog.pg_namespace as n
    where n.nspname = 'rfm'
    union all
    select c.oid::regclass::text, c.relname, c.relowner, c.relacl
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = 'rfm' and c.relkind not in ('i', 'I', 't')
    union all
    select p.oid::regprocedure::text, p.proname, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
    from pg_catalog.pg_proc as p
    inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = 'rfm'
),

trusted as (
    select r.oid
    from pg_catalog.pg_roles as r
    where
        r.rolsuper
        or r.rolname = 'pg_database_owner'
        or r.oid = (select d.datdba from pg_catalog.pg_database as d where d.datname = current_database())
        or r.oid in (
            select c.relowner
            from pg_catalog.pg_class as c
            where c.oid = to_regclass(/* slot customers_literal */ 'public.customers')
        )
        or r.oid = (select n.nspowner from pg_catalog.pg_namespace as n where n.nspname = 'rfm')
),

meant (short_name, grantee) as (
    select s.name, 'service_role'
    from unnest(
        array[
            'lead_score_models', 'lead_score_active_model', 'lead_score_queue', 'lead_score_orders',
            'lead_score_rescoring', 'lead_score_customers', 'lead_score_deals', 'customer_activity_refresh',
            'customer_activities', 'customer_activity_timeline', 'customer_activity_summary', 'hot_leads',
            'touch_lead_scores', 'score_customers', 'score_queued_customers', 'activate_lead_score_model',
            'wait_for_lead_score_writers', 'fit_lead_score_model', 'lead_score_drift', 'rescore_stale_customers',
            'lead_score_health', 'refresh_customer_activity_timeline', 'lead_score_segment_maps',
            'lead_score_active_segment_map', 'lead_score_segment_cells', 'customer_segments',
            'activate_lead_score_segment_map', 'customers_of_segment', 'explain_lead_score', 'lead_score_events',
            'lead_score_history_state',
            'lead_score_consumers', 'record_lead_score_baseline', 'may_see_customer', 'lead_score_segment', 'lead_scores_at',
            'lead_score_moves', 'lead_score_trends', 'lead_score_events_next', 'lead_score_events_done',
            'lead_score_events_forget', 'prune_lead_score_history'
        ]
    ) as s (name)
    union all
    select s.name, 'authenticated'
    from unnest(
        array[
            'customer_activities', 'lead_score_customers', 'lead_score_deals', 'hot_leads', 'lead_score_segment_maps',
            'lead_score_active_segment_map', 'lead_score_segment_cells', 'customer_segments', 'customers_of_segment',
            'lead_score_orders', 'explain_lead_score',
            'lead_score_events', 'may_see_customer', 'lead_score_segment'
        ]
    ) as s (name)
    union all
    -- what explain_lead_score() reads for whoever calls it; policies let them see the rows of their customers only
    select s.name, 'authenticated'
    from unnest(
        array[
            'lead_score_models.id', 'lead_score_models.recency', 'lead_score_models.recency_negated',
            'lead_score_models.frequency', 'lead_score_models.monetary', 'lead_score_models.weights',
            'lead_score_active_model.model_id', 'lead_score_queue.customer_id', 'lead_score_queue.sqlstate',
            'lead_score_queue.queued_at'
        ]
    ) as s (name)
),

wrong (found) as (
    select format('%s may %s %s', coalesce(r.rolname, 'public'), replace(lower(a.privilege_type), 'usage', 'use'), o.name)
    from (
        select ours.name, ours.short_name, ours.owner, ours.acl from ours
        union all
        select columns.name, columns.short_name, columns.owner, columns.acl from columns
    ) as o
    cross join aclexplode(o.acl) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where
        a.grantee <> o.owner
        and not (
            a.privilege_type in ('SELECT', 'EXECUTE')
            and not a.is_grantable
            and (o.short_name, coalesce(r.rolname, 'public')) in (select m.short_name, m.grantee from meant as m)
        )
    union all
    select format('%s may %s %s', coalesce(r.rolname, 'public'), replace(lower(a.privilege_type), 'usage', 'use'), o.name)
    from remembered as o
    cross join aclexplode(o.acl) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where
        a.grantee <> o.owner
        and not (
            r.oid is not null
            and not a.is_grantable
            and (o.short_name, a.privilege_type) in (
                ('rfm', 'USAGE'), ('mapping', 'SELECT'), ('applied_migrations', 'SELECT')
            )
        )
    union all
    select format('%s belongs to %s', o.name, pg_get_userbyid(o.owner))
    from remembered as o
    where o.owner not in (select t.oid from trusted as t)
    union all
    select format('%s belongs to %s', o.name, pg_get_userbyid(o.owner))
    from ours as o
    inner join pg_catalog.pg_class as c on c.oid = to_regclass(/* slot customers_literal */ 'public.customers')
    where o.owner <> c.relowner
)

select
    count(*) = 0 as passed,
    coalesce(string_agg(w.found, ', ' order by w.found), 'as meant') as found
from wrong as w;
