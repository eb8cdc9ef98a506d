-- Who are the five customers of a segment with the best lead scores?
select
    c.email,
    c.lead_score,
    c.rfm_recency,
    c.rfm_frequency,
    c.rfm_monetary
from public.customers_of_segment('champions', 5) as s
inner join public.lead_score_customers as c on c.id = s.customer_id
order by c.lead_score desc, c.id;
