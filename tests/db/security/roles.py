"""A CRM whose tables belong to a role without superuser, with Supabase's rights and row security."""

from contextlib import contextmanager

from rfm.testing import temporary_database
from tests.support import (
    GRANTED_BY_DEFAULT,
    as_user,
    create_base_tables,
    create_roles,
    run,
    session,
)

# Supabase's two regimes: everything new in public is granted to the API's roles, or nothing is.
REGIMES = {
    "granted": GRANTED_BY_DEFAULT,
    "revoked": "alter default privileges revoke execute on functions from public",
}

# Everybody sees their own customer, and those orders of it that are not internal.
ROW_SECURITY = """
    grant usage on schema public to anon, authenticated, service_role;
    grant select, insert, update, delete on customers, orders, messages, deals
    to authenticated, service_role;
    grant select on customers, orders, messages, deals to anon;
    alter table customers enable row level security;
    alter table orders enable row level security;
    alter table messages enable row level security;
    alter table deals enable row level security;
    create policy own on customers to authenticated
    using (email = (select current_setting('request.email', true)));
    create policy own on orders to authenticated
    using (event_name is distinct from 'internal' and customer_id in (select id from customers))
    with check (customer_id in (select id from customers));
    create policy own on messages to authenticated using (customer_id in (select id from customers));
    create policy own on deals to authenticated using (customer_id in (select id from customers));
"""

DATA = """
    insert into customers (id, email) values
    ('00000000-0000-4000-8000-00000000000a', 'ada@example.com'),
    ('00000000-0000-4000-8000-00000000000b', 'bob@example.com');
    insert into orders (customer_id, total_cents, event_name)
    select id, 10000, event from customers cross join unnest('{internal,fair,shop}'::text[]) as event;
    insert into messages (customer_id, subject) select id, email from customers;
    insert into deals (customer_id, title) select id, email from customers;
"""
ADA = "00000000-0000-4000-8000-00000000000a"
BOB = "00000000-0000-4000-8000-00000000000b"


@contextmanager
def owned(template="template1"):
    """Open a database whose public schema belongs to crm_owner, no superuser."""
    with temporary_database(template) as root:
        run(root, "alter schema public owner to crm_owner")
        run(root, f"grant all on database {root.url.database} to crm_owner")
        yield as_user(root, "crm_owner")


@contextmanager
def crm(regime):
    """Open a database whose tables and scores belong to crm_owner, too."""
    create_roles()
    with owned() as owner:
        run(owner, REGIMES[regime])
        create_base_tables(owner)
        run(owner, ROW_SECURITY)
        run(owner, DATA)
        yield owner


@contextmanager
def signed_in(owner, role="authenticated", email="ada@example.com"):
    """Connect as the API does: as authenticator, then the role, then the claims."""
    with session(owner, autocommit=True, username="authenticator") as connection:
        connection.execute(f"set role {role}")
        connection.execute("select set_config('request.email', %s, false)", [email])
        yield connection


def scores(owner, key=ADA):
    [row] = run(
        owner,
        "select lead_score, rfm_recency, rfm_frequency, rfm_monetary"
        f" from customers where id = '{key}'",
    )
    return row


# what a function may name that is no keyword of SQL
TYPE_NAMES = """
    select typname from pg_type
    where typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'p') and typname !~ '^_'
    and typname not in ('bool', 'unknown', 'cstring', 'any')
"""


def shadow_every_type(connection):
    """Put a type that cannot be used in the temporary schema for every type of PostgreSQL."""
    names = [row[0] for row in connection.execute(TYPE_NAMES).fetchall()]
    assert {"timestamptz", "text", "record", "int4", "regclass"} <= set(names)
    connection.execute(
        "".join(f'create type pg_temp."{name}" as (trap integer);' for name in names)
    )
