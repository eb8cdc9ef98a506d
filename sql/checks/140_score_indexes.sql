-- The indexes of lead scoring are there and valid.
select
    count(*) = 4 as passed,
    coalesce(string_agg(c.relname, ', ' order by c.relname), 'no index') as found
from pg_catalog.pg_index as i
inner join pg_catalog.pg_class as c on c.oid = i.indexrelid
where
    i.indisvalid
    and i.indexrelid in (
        to_regclass('public.idx_customers_lead_score'),
        to_regclass('public.idx_customers_rfm_scores'),
        to_regclass('public.idx_orders_lead_score'),
        to_regclass('public.idx_orders_lead_score_time')
    );
