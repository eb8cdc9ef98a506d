-- At which keys do the ranges of customers begin?
-- Each step reads one range of the primary key; a window over all customers takes three times as long.
with recursive firsts (id) as (
    (select c.id from public.lead_score_customers as c order by c.id limit 1)
    union all
    select (
        select c.id
        from public.lead_score_customers as c
        where c.id >= f.id
        order by c.id
        offset %(size)s
        limit 1
    )
    from firsts as f
    where f.id is not null
)

select f.id::text as first
from firsts as f
where f.id is not null
order by f.id;
