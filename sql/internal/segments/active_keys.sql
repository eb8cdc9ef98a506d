-- Which segments does the active map have, in its order?
select k.key
from public.lead_score_segment_maps as m
cross join lateral unnest(m.keys) with ordinality as k (key, place)
where m.id = (select a.map_id from public.lead_score_active_segment_map as a)
order by k.place;
