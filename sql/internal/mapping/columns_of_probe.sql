-- Which columns does the tried select have, and of which types?
select a.attname, t.typname
from pg_catalog.pg_attribute as a
inner join pg_catalog.pg_type as t on t.oid = a.atttypid
where a.attrelid = to_regclass('pg_temp.rfm_probe');
