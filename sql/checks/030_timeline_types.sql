-- Orders, messages and deals stand in the timeline, as far as there are any.
select
    bool_and(f.in_timeline or not f.in_base) as passed,
    coalesce(string_agg(f.activity_type, ', ' order by f.activity_type) filter (where f.in_timeline), 'empty') as found
from (
    select
        t.activity_type,
        exists (
            select from public.customer_activities as a where a.activity_type = t.activity_type
        ) as in_base,
        exists (
            select from public.customer_activity_timeline as a where a.activity_type = t.activity_type
        ) as in_timeline
    from (
        -- slot activity_types
        values ('order'), ('message'), ('deal')
        -- slot ends
    ) as t (activity_type)
) as f;
