-- What is the text of these functions, and how do they run? The missing ones are left out.
select
    s.signature,
    p.prosrc as body,
    p.prosecdef as is_definer,
    coalesce(p.proconfig, '{}') as settings
from unnest(%(signatures)s::text[]) as s (signature)
inner join pg_catalog.pg_proc as p on p.oid = to_regprocedure(s.signature)
order by s.signature;
