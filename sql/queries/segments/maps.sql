-- Which segment maps are there, and which one is active?
select
    m.id,
    m.created_at,
    a.activated_at
from public.lead_score_segment_maps as m
left join public.lead_score_active_segment_map as a on a.map_id = m.id
order by m.id;
