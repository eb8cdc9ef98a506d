-- Were the score columns added to customers?
select column_name, data_type, column_default
from information_schema.columns
where
    table_name = 'customers'
    and column_name in ('lead_score', 'rfm_recency', 'rfm_frequency', 'rfm_monetary', 'last_scored_at')
order by column_name;
