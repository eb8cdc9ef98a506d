-- The mapping that these files are for: rfm reads it in the database from here on.
do $$
declare
    revoke_one text;
begin
    if to_regnamespace('rfm') is null then
        create schema rfm;
        comment on schema rfm is 'What rfm has to remember about this database. (rfm)';
    end if;

    if to_regclass('rfm.mapping') is not null then
        return;
    end if;

    create table rfm.mapping (
        only_row boolean primary key default true check (only_row),
        toml text not null,
        sha256 text not null,
        recorded_at timestamptz not null default now(),
        recorded_by text not null default current_user
    );
    comment on table rfm.mapping is 'The mapping that the migrations were applied with: one row. (rfm)';

    -- Default privileges give rights to whomever they name. What is granted later stays.
    for revoke_one in
        select format('revoke all on %s from %s cascade', o.name, coalesce(quote_ident(r.rolname), 'public'))
        from (
            select 'table rfm.mapping' as name, c.relacl as acl, c.relowner as owner
            from pg_catalog.pg_class as c
            where c.oid = 'rfm.mapping'::regclass
            union all
            select 'schema rfm', n.nspacl, n.nspowner
            from pg_catalog.pg_namespace as n
            where n.nspname = 'rfm'
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

insert into rfm.mapping (toml, sha256)
values (/* slot mapping_toml */ '', /* slot mapping_sha256 */ '')
on conflict (only_row) do update
set toml = excluded.toml, sha256 = excluded.sha256, recorded_at = now(), recorded_by = current_user;
