-- Nobody but the owner, the service and superusers can put a trigger on customers or orders.
select
    count(*) = 0 as passed,
    coalesce(string_agg(r.rolname || ' on ' || c.relname, ', ' order by r.rolname, c.relname), 'nobody else') as found
from pg_catalog.pg_roles as r
inner join pg_catalog.pg_trigger as t
    on t.tgname in ('calculate_customer_lead_score', 'recalculate_lead_score_on_order_change')
inner join pg_catalog.pg_class as c on c.oid = t.tgrelid
where r.rolname in ('anon', 'authenticated') and has_table_privilege(r.oid, c.oid, 'trigger');
