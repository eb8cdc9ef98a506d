-- Exactly one segment map is active.
select
    count(*) = 1 as passed,
    coalesce(min('map ' || m.id || ', ' || cardinality(m.keys) || ' segments'), 'no active map') as found
from public.lead_score_active_segment_map as a
inner join public.lead_score_segment_maps as m on m.id = a.map_id;
