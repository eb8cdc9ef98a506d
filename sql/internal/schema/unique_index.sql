-- Has the column a unique index of its own?
select count(*) > 0
from pg_catalog.pg_index as i
inner join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
where
    i.indrelid = to_regclass(%(table)s)
    and a.attname = %(key)s
    and i.indnkeyatts = 1
    and i.indisunique
    and i.indisvalid
    and i.indpred is null;
