-- Which segment maps are there, and since when is which one active?
select
    m.id as number,
    m.keys,
    m.names,
    m.meanings,
    m.cells,
    m.created_at,
    a.activated_at
from public.lead_score_segment_maps as m
left join public.lead_score_active_segment_map as a on a.map_id = m.id
order by m.id;
