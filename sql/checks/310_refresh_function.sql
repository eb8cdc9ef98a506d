-- The timeline's refresh function is ours: it cannot be led astray, and no API user may call it.
select
    p.oid is not null and p.proconfig = array['search_path=""'] and count(r.rolname) = 0 as passed,
    case
        when p.oid is null then 'no such function'
        when p.proconfig is distinct from array['search_path=""'] then 'replaced by one without a fixed search_path'
        else coalesce('callable by ' || string_agg(r.rolname, ', ' order by r.rolname), 'owner and service_role alone')
    end as found
from (select to_regprocedure('public.refresh_customer_activity_timeline()') as oid) as f
left join pg_catalog.pg_proc as p on p.oid = f.oid
left join pg_catalog.pg_roles as r
    on
        r.rolname in ('anon', 'authenticated')
        and has_function_privilege(r.rolname, p.oid, 'execute')
group by p.oid, p.proconfig;
