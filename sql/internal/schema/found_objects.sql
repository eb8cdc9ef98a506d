-- Which of some objects, given as kinds, names and tables, are there; which of them are rfm's, and which are complete?
-- An object is rfm's if its comment ends in "(rfm)". So are a trigger that runs a function of rfm's, an index that was
-- left half built, and what the CRM Database Migration Guide tells people to create by hand, word for word.
with wanted as (
    select
        o.place,
        o.kind,
        o.name,
        o.path,
        t.oid as table_id
    from (
        select
            w.place,
            w.kind,
            w.name,
            parse_ident(w.name, false) as path, -- without the arguments of a function
            parse_ident(nullif(w.table_name, '')) as table_path
        from
            unnest(%(kinds)s::text[], %(names)s::text[], %(tables)s::text[])
            with ordinality as w (kind, name, table_name, place)
    ) as o
    left join pg_catalog.pg_namespace as n on n.nspname = o.table_path[1]
    left join pg_catalog.pg_class as t on t.relnamespace = n.oid and t.relname = o.table_path[2]
),

-- whatever has the name of one of them
found (place, kind, owner, comment, whole, guided) as (
    select
        w.place,
        case c.relkind
            when 'r' then 'table'
            when 'p' then 'table'
            when 'v' then 'view'
            when 'm' then 'materialized view'
            when 'i' then 'index'
            when 'I' then 'index' -- of a partitioned table
            when 'S' then 'sequence'
            when 'f' then 'foreign table'
            else 'type'
        end,
        c.relowner,
        obj_description(c.oid, 'pg_class'),
        w.kind <> 'index' or (i.indisvalid and i.indrelid = w.table_id),
        case
            when w.kind = 'index' then not i.indisvalid and i.indrelid = w.table_id
            -- as the guide has it, whatever the server's version writes before a column
            else c.relkind = 'v' and regexp_replace(pg_get_viewdef(c.oid), '\m(c|public|customer_activity_timeline)\.|\s', '', 'g') in (
                'SELECTid,email,full_name,lead_score,rfm_recency,rfm_frequency,rfm_monetary,last_scored_at'
                'FROMcustomerscWHERE(lead_score>=24)ORDERBYlead_scoreDESC;',
                'SELECTcustomer_id,count(*)AStotal_activities,count(*)FILTER(WHERE(activity_type=''order''::text))ASorder_count,'
                'count(*)FILTER(WHERE(activity_type=''message''::text))ASmessage_count,'
                'count(*)FILTER(WHERE(activity_type=''deal''::text))ASdeal_count,max(created_at)ASlast_activity_at'
                'FROMcustomer_activity_timelineGROUPBYcustomer_id;'
            )
        end
    from wanted as w
    inner join pg_catalog.pg_namespace as n on n.nspname = w.path[1]
    inner join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = w.path[2]
    left join pg_catalog.pg_index as i on i.indexrelid = c.oid
    where w.kind in ('table', 'sequence', 'view', 'materialized view', 'index')
    union all
    -- a table and a view have a type of their name
    select w.place, 'type', t.typowner, null, false, false
    from wanted as w
    inner join pg_catalog.pg_namespace as n on n.nspname = w.path[1]
    inner join pg_catalog.pg_type as t on t.typnamespace = n.oid and t.typname = w.path[2]
    where w.kind in ('table', 'view', 'materialized view') and t.typrelid = 0
    union all
    select
        w.place,
        case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end,
        p.proowner,
        obj_description(p.oid, 'pg_proc'),
        true,
        w.name = 'public.refresh_customer_activity_timeline()'
        and regexp_replace(p.prosrc, '\s', '', 'g') = 'BEGINREFRESHMATERIALIZEDVIEWcustomer_activity_timeline;END;'
    from wanted as w
    inner join pg_catalog.pg_proc as p
        on p.oid = case when w.kind in ('function', 'procedure') then to_regprocedure(w.name) end
    union all
    select
        w.place,
        'trigger',
        c.relowner,
        obj_description(t.oid, 'pg_trigger'),
        true,
        coalesce(right(obj_description(t.tgfoid, 'pg_proc'), 5) = '(rfm)', false)
    from wanted as w
    inner join pg_catalog.pg_trigger as t on t.tgrelid = w.table_id and t.tgname = w.path[1]
    inner join pg_catalog.pg_class as c on c.oid = t.tgrelid
    where w.kind = 'trigger'
    union all
    select w.place, 'column', c.relowner, col_description(a.attrelid, a.attnum), true, false
    from wanted as w
    inner join pg_catalog.pg_namespace as n on n.nspname = w.path[1]
    inner join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = w.path[2]
    inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attname = w.path[3] and not a.attisdropped
    where w.kind = 'column'
)

select
    w.place,
    f.kind as found_kind,
    quote_ident(pg_get_userbyid(f.owner)) as owner,
    f.kind = w.kind and (coalesce(right(f.comment, 5) = '(rfm)', false) or coalesce(f.guided, false)) as is_ours,
    f.kind = w.kind and coalesce(f.whole, false) as is_complete
from wanted as w
inner join found as f on f.place = w.place
order by w.place;
