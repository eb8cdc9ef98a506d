-- What are the segments of the active map, and what does each mean?
select k.key, k.name, k.meaning
from public.lead_score_active_segment_map as a
inner join public.lead_score_segment_maps as m on m.id = a.map_id
cross join lateral unnest(m.keys, m.names, m.meanings) with ordinality as k (key, name, meaning, place)
order by k.place;
