-- No publication keeps customers from being updated: their replica identity is there, and is published.
select
    count(*) = 0 as passed,
    coalesce(string_agg(p.pubname, ', ' order by p.pubname), 'none') as found
from pg_catalog.pg_trigger as t
inner join pg_catalog.pg_class as c on c.oid = t.tgrelid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
inner join pg_catalog.pg_publication_tables as p on p.schemaname = n.nspname and p.tablename = c.relname
inner join pg_catalog.pg_publication as o on o.pubname = p.pubname and o.pubupdate
left join pg_catalog.pg_index as i
    on
        i.indrelid = c.oid
        and case c.relreplident when 'd' then i.indisprimary when 'i' then i.indisreplident end
where
    t.tgname = 'calculate_customer_lead_score'
    and c.relkind = 'r'
    and c.relreplident <> 'f'
    and (
        i.indexrelid is null
        or exists (
            select
            from pg_catalog.pg_attribute as a
            where a.attrelid = c.oid and a.attnum = any(i.indkey) and a.attname <> all (p.attnames)
        )
    );
