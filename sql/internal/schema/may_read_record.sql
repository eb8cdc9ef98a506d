-- May the role read this table of the record? And is it a table that runs nobody's code when it is read?
-- No row: there is no such table. By name, not by to_regclass(): that fails for a role without a right on the schema.
select
    has_schema_privilege(n.oid, 'usage')
    and has_table_privilege(c.oid, 'select') as may_read,
    c.relkind = 'r' and not c.relrowsecurity as is_plain,
    quote_ident(pg_get_userbyid(c.relowner)) as owner
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = 'rfm' and c.relname = %(table)s;
