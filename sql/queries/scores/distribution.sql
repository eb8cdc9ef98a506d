-- How many customers are hot, warm, cool and cold?
select
    case
        when lead_score >= 24 then 'Hot Lead (24-30)'
        when lead_score >= 18 then 'Warm Lead (18-23)'
        when lead_score >= 12 then 'Cool Lead (12-17)'
        else 'Cold Lead (6-11)'
    end as lead_category,
    count(*) as customer_count,
    round(avg(lead_score), 2) as avg_score
from public.lead_score_customers
where lead_score > 0
group by lead_category
order by avg_score desc;
