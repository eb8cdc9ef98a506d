-- Store a segment map; which number does it get?
insert into public.lead_score_segment_maps (keys, names, meanings, cells)
values (
    %(keys)s, %(names)s, %(meanings)s, %(cells)s
)
returning id as number;
