-- Does this database have segments?
select to_regclass('public.lead_score_active_segment_map') is not null as installed;
