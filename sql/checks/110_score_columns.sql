-- The five score columns stand on customers, with their types.
select
    count(*) = 5 as passed,
    count(*) || ' of 5' as found
from information_schema.columns as c
inner join (
    values
    ('lead_score', 'integer'),
    ('rfm_recency', 'integer'),
    ('rfm_frequency', 'integer'),
    ('rfm_monetary', 'numeric'),
    ('last_scored_at', 'timestamp with time zone')
) as w (column_name, data_type)
    on c.column_name = w.column_name and c.data_type = w.data_type
where c.table_schema = 'public' and c.table_name = 'customers';
