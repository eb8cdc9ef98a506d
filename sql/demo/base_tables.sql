-- The CRM's own tables, as the demo and the tests create them. A real database already has its own.

create table public.customers (
    id uuid primary key default gen_random_uuid(),
    email text,
    full_name text,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);
comment on table public.customers is 'People and companies that buy from us.';

create table public.orders (
    id uuid primary key default gen_random_uuid(),
    customer_id uuid references public.customers (id) on delete cascade,
    status text,
    total_cents bigint,
    currency text,
    event_name text,
    created_at timestamptz default now()
);
comment on table public.orders is 'Purchases and event tickets.';

create table public.messages (
    id uuid primary key default gen_random_uuid(),
    customer_id uuid references public.customers (id) on delete cascade,
    channel text,
    direction text,
    subject text,
    created_at timestamptz default now()
);
comment on table public.messages is 'What was said between a customer and us.';

create table public.deals (
    id uuid primary key default gen_random_uuid(),
    customer_id uuid references public.customers (id) on delete cascade,
    title text,
    stage text,
    value_cents bigint,
    created_at timestamptz default now(),
    closed_at timestamptz
);
comment on table public.deals is 'Sales under way and closed.';

-- A foreign key without an index makes each delete of a customer read the whole table.
create index idx_orders_customer_id on public.orders (customer_id);
create index idx_messages_customer_id on public.messages (customer_id);
create index idx_deals_customer_id on public.deals (customer_id);
