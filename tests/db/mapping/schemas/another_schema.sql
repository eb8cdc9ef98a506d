-- The guide's columns under other names of tables, in a schema of their own.
create schema app;

create table app.people (
    id uuid primary key default gen_random_uuid(),
    email text,
    full_name text
);

create table app.purchases (
    id uuid primary key default gen_random_uuid(),
    customer_id uuid references app.people (id) on delete set null,
    status text,
    total_cents bigint,
    created_at timestamptz not null default now()
);

create table app.calls (
    id uuid primary key default gen_random_uuid(),
    customer_id uuid references app.people (id) on delete cascade,
    minutes integer,
    created_at timestamptz not null default now()
);
