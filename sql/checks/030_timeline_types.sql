-- Orders, messages and deals stand in the timeline, as far as there are any.
select
    bool_and(t.in_timeline or not t.in_base) as passed,
    coalesce(string_agg(t.activity_type, ', ' order by t.activity_type) filter (where t.in_timeline), 'empty') as found
from (
    values
    (
        'order',
        exists (select from public.orders as o where o.customer_id is not null),
        exists (select from public.customer_activity_timeline as a where a.activity_type = 'order')
    ),
    (
        'message',
        exists (select from public.messages as m where m.customer_id is not null),
        exists (select from public.customer_activity_timeline as a where a.activity_type = 'message')
    ),
    (
        'deal',
        exists (select from public.deals as d where d.customer_id is not null),
        exists (select from public.customer_activity_timeline as a where a.activity_type = 'deal')
    )
) as t (activity_type, in_base, in_timeline);
