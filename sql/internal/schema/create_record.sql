-- The record of applied migrations. It has a schema of its own, which no API exposes.
create schema if not exists rfm;
comment on schema rfm is 'What rfm has to remember about this database. (rfm)';

create table if not exists rfm.applied_migrations (
    name text primary key,
    checksum text not null,
    applied_at timestamptz not null default now(),
    applied_by text not null default current_user
);
comment on table rfm.applied_migrations is 'What rfm db apply has run, with its SHA-256. (rfm)';
