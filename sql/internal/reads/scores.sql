-- What are the stored scores of a range of customers, and which model is active?
select
    c.id::text as customer_id,
    -- Arrow has no infinity, and its calendar ends some years before PostgreSQL's
    case
        when c.last_scored_at > '-infinity' and c.last_scored_at < '294000-01-01'
            then c.last_scored_at
    end as last_scored_at,
    c.lead_score,
    c.rfm_recency,
    c.rfm_frequency,
    c.rfm_monetary::text as rfm_monetary,
    (select a.model_id from public.lead_score_active_model as a) as model
from public.lead_score_customers as c
where c.id >= %(first)s and (%(stop)s is null or c.id < %(stop)s);
