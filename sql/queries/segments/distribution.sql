-- How many customers are in each segment of the active map?
select
    k.name as segment,
    count(s.customer_id) as customer_count,
    round(100.0 * count(s.customer_id) / nullif(sum(count(s.customer_id)) over (), 0), 1) as percent
from public.lead_score_active_segment_map as a
inner join public.lead_score_segment_maps as m on m.id = a.map_id
cross join lateral unnest(m.keys, m.names) with ordinality as k (key, name, place)
left join public.customer_segments as s on s.segment = k.key
group by k.name, k.place
order by k.place;
