-- Nobody but the owner and superusers can put a trigger on customers or orders: it would run as the owner at each touch.
select
    count(*) = 0 as passed,
    coalesce(
        string_agg(
            format('%s on %s', coalesce(r.rolname, 'public'), c.relname), ', ' order by r.rolname, c.relname
        ),
        'nobody else'
    ) as found
from (
    select distinct t.tgrelid
    from pg_catalog.pg_trigger as t
    where t.tgname in ('calculate_customer_lead_score', 'recalculate_lead_score_on_order_change')
) as t
inner join pg_catalog.pg_class as c on c.oid = t.tgrelid
cross join aclexplode(c.relacl) as a
left join pg_catalog.pg_roles as r on r.oid = a.grantee
where a.privilege_type = 'TRIGGER' and a.grantee <> c.relowner;
