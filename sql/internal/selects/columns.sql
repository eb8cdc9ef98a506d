-- Which columns does the probe have?
select a.attname as name, t.typname as type
from pg_catalog.pg_attribute as a
inner join pg_catalog.pg_type as t on t.oid = a.atttypid
where a.attrelid = 'public.rfm_probe'::regclass and a.attnum > 0
order by a.attnum;
