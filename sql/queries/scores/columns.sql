-- Were the score columns added to customers?
select column_name, data_type, column_default
from information_schema.columns
where
    to_regclass(format('%I.%I', table_schema, table_name)) = to_regclass(/* slot customers_literal */ 'public.customers')
    and column_name in ('lead_score', 'rfm_recency', 'rfm_frequency', 'rfm_monetary', 'last_scored_at')
order by column_name;
