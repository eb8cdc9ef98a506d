-- Become the owner of the customers, as triggers run, until the transaction or the savepoint ends.
select
    set_config('role', pg_get_userbyid(c.relowner), true),
    set_config('search_path', '', true),
    set_config('statement_timeout', '10s', true)
from pg_catalog.pg_class as c
where c.oid = /* slot customers_literal */ 'public.customers'::pg_catalog.regclass;
