-- A CRM with bigint keys whose orders stand in two tables behind one view.
create schema crm;
create schema shop;

create table crm.customer_profiles (
    profile_id bigint generated always as identity primary key,
    mail text,
    display_name text,
    created_at timestamptz not null default now()
);

create table shop.web_orders (
    id bigint generated always as identity primary key,
    buyer_id bigint references crm.customer_profiles (profile_id) on delete cascade,
    placed_at timestamptz not null default now(),
    total numeric(12, 2),
    state text not null default 'paid'
);

create table shop.till_receipts (
    receipt_no uuid primary key default gen_random_uuid(),
    card_holder integer,
    printed_at timestamptz not null default now(),
    cents bigint
);

create table crm.opportunities (
    opportunity bigint generated always as identity primary key,
    profile bigint references crm.customer_profiles (profile_id) on delete cascade,
    phase text,
    worth bigint,
    opened_at timestamptz not null default now(),
    won_or_lost_at timestamptz
);

create view shop.all_orders with (security_invoker = true) as
select buyer_id as customer_id, placed_at as ordered_at, total as amount from shop.web_orders where state <> 'storno'
union all
select card_holder, printed_at, cents * 0.01 from shop.till_receipts;
