-- The mapping that these files are for: rfm reads it in the database from here on.
create schema if not exists rfm;
comment on schema rfm is 'What rfm has to remember about this database. (rfm)';

create table if not exists rfm.mapping (
    only_row boolean primary key default true check (only_row),
    toml text not null,
    sha256 text not null,
    recorded_at timestamptz not null default now(),
    recorded_by text not null default current_user
);
comment on table rfm.mapping is 'The mapping that the migrations were applied with: one row. (rfm)';

insert into rfm.mapping (toml, sha256)
values (/* slot mapping_toml */ '', /* slot mapping_sha256 */ '')
on conflict (only_row) do update
set toml = excluded.toml, sha256 = excluded.sha256, recorded_at = now(), recorded_by = current_user;
