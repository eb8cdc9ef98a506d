-- The five score columns stand on customers, with their types.
select
    count(*) = 5 as passed,
    count(*) || ' of 5' as found
from pg_catalog.pg_attribute as a
inner join (
    values
    ('lead_score', 'integer'),
    ('rfm_recency', 'integer'),
    ('rfm_frequency', 'integer'),
    ('rfm_monetary', 'numeric(3,2)'),
    ('last_scored_at', 'timestamp with time zone')
) as w (column_name, data_type)
    on a.attname = w.column_name and format_type(a.atttypid, a.atttypmod) = w.data_type
where a.attrelid = to_regclass(/* slot customers_literal */ 'public.customers') and not a.attisdropped;
