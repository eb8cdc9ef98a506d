-- The record of applied migrations, if it is missing. It has a schema of its own, which no API exposes.
do $$
declare
    revoke_one text;
begin
    if to_regnamespace('rfm') is null then
        create schema rfm;
        comment on schema rfm is 'What rfm has to remember about this database. (rfm)';
    end if;

    if to_regclass('rfm.applied_migrations') is not null then
        return;
    end if;

    create table rfm.applied_migrations (
        name text primary key,
        checksum text not null,
        applied_at timestamptz not null default now(),
        applied_by text not null default current_user
    );
    comment on table rfm.applied_migrations is 'What rfm db apply has run, with its SHA-256. (rfm)';

    -- Default privileges give rights to whomever they name. Whoever may write the record may also lock it.
    for revoke_one in
        select format('revoke all on %s from %s cascade', o.name, coalesce(quote_ident(r.rolname), 'public'))
        from (
            select 'schema rfm' as name, n.nspacl as acl, n.nspowner as owner
            from pg_catalog.pg_namespace as n
            where n.nspname = 'rfm'
            union all
            select 'table rfm.applied_migrations', c.relacl, c.relowner
            from pg_catalog.pg_class as c
            where c.oid = 'rfm.applied_migrations'::regclass
        ) as o
        cross join aclexplode(o.acl) as a
        left join pg_catalog.pg_roles as r on r.oid = a.grantee
        where a.grantee <> o.owner
        group by o.name, r.rolname
    loop
        execute revoke_one;
    end loop;
end;
$$;
