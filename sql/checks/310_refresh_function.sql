-- The timeline's refresh function is there, and anon and authenticated may not call it.
select
    to_regprocedure('public.refresh_customer_activity_timeline()') is not null and count(r.rolname) = 0 as passed,
    case
        when to_regprocedure('public.refresh_customer_activity_timeline()') is null then 'no such function'
        else coalesce('callable by ' || string_agg(r.rolname, ', ' order by r.rolname), 'owner and service_role alone')
    end as found
from (select) as always
left join pg_catalog.pg_roles as r
    on
        r.rolname in ('anon', 'authenticated')
        and has_function_privilege(r.rolname, to_regprocedure('public.refresh_customer_activity_timeline()'), 'execute');
