"""Nobody makes a score, or runs anything as the owner, by what they may write."""

import psycopg
import pytest

from rfm import db
from tests.db.security.roles import (
    ADA,
    scores,
    shadow_every_type,
    signed_in,
)

FORGERIES = {
    "update": "update customers set lead_score = 30, rfm_recency = 5, rfm_frequency = 5,"
    " rfm_monetary = 5, last_scored_at = now() + interval '1 year'",
    "upsert": f"insert into customers (id, email) values ('{ADA}', 'ada@example.com')"
    " on conflict (id) do update set lead_score = 30, last_scored_at = 'infinity'",
    "merge": f"merge into customers c using (select '{ADA}'::uuid as id) s on c.id = s.id"
    " when matched then update set lead_score = 30",
    "temporary view": "create temp view lead_score_orders as select null::uuid as customer_id,"
    " now() as ordered_at, 1e9 as amount; set search_path = pg_temp, public;"
    " update public.customers set full_name = 'Ada'",
    "temporary tables": "create temp table lead_score_active_model as select 1 as model_id;"
    " create temp table customers (like public.customers); create temp table orders (like public.orders);"
    " set search_path = pg_temp, public; update public.customers set full_name = 'Ada'",
    "temporary function": "create function pg_temp.width_bucket(anyelement, anyarray) returns int"
    " language sql as 'select 4'; set search_path = pg_temp, public, pg_catalog;"
    " update public.customers set full_name = 'Ada'",
    "settings": "set session my.lead_score = '30'; set row_security = on; set timezone = 'Asia/Tokyo';"
    " set datestyle = 'German'; set intervalstyle = 'iso_8601'; update customers set full_name = 'Ada'",
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_score_cannot_be_forged(owner, forgery):
    true = scores(owner)
    with signed_in(owner) as connection:
        connection.execute(forgery)
    assert scores(owner) == true


EVERYTHING_A_USER_DOES = (
    "update customers set full_name = 'Ada'",
    "insert into customers (email) values ('ada@example.com')",
    f"insert into orders (customer_id, total_cents) values ('{ADA}', 100)",
    "update orders set total_cents = 200",
    "delete from orders",
)


@pytest.mark.parametrize("statement", EVERYTHING_A_USER_DOES)
def test_no_type_in_a_temporary_schema_reaches_a_definers_function(owner, statement):
    with signed_in(owner) as connection:
        shadow_every_type(connection)
        connection.execute(statement)


@pytest.mark.parametrize(
    "call",
    [
        "activate_lead_score_model(1)",
        "fit_lead_score_model()",
        "refresh_customer_activity_timeline()",
    ],
)
def test_no_type_of_the_service_reaches_the_owner(owner, call):
    with signed_in(owner, "service_role") as connection:
        shadow_every_type(connection)
        connection.execute(f"select public.{call}")
    db.backfill(owner)


def test_a_domain_in_a_temporary_schema_runs_nothing_as_the_owner(owner):
    with signed_in(owner) as connection:
        connection.execute(
            """
            create temp table loot (who name);
            grant all on loot to public;
            create function pg_temp.steal(value timestamp with time zone) returns bool language plpgsql
            as $$ begin insert into pg_temp.loot values (current_user); return true; end $$;
            create domain pg_temp.timestamptz as timestamp with time zone check (pg_temp.steal(value));
            """
        )
        connection.execute("update customers set full_name = 'Ada'")
        connection.execute("insert into orders (customer_id) values (%s)", [ADA])
        assert connection.execute("select * from loot").fetchall() == []


@pytest.mark.parametrize("table", ["customers", "orders"])
def test_a_signed_in_user_cannot_put_a_trigger_on_our_tables(owner, table):
    with signed_in(owner) as connection:
        connection.execute(
            "create function pg_temp.z() returns trigger language plpgsql as $$ begin return new; end $$"
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                f"create trigger zzz before update on {table} for each row execute function pg_temp.z()"
            )


def test_a_new_customer_cannot_bring_a_score_along(owner):
    with signed_in(owner, email="new@example.com") as connection:
        connection.execute(
            "insert into customers (email, lead_score, rfm_monetary) values ('new@example.com', 30, 5)"
        )
        row = connection.execute("select lead_score, rfm_monetary from customers").fetchone()
    assert row == (6, 1)


@pytest.mark.parametrize(
    "statement",
    [
        "set session_replication_role = replica",
        "alter table customers disable trigger user",
        "drop trigger calculate_customer_lead_score on customers",
        "create or replace function calculate_lead_score() returns trigger language plpgsql as 'begin end'",
    ],
)
def test_a_signed_in_user_cannot_set_the_trigger_aside(owner, statement):
    with signed_in(owner) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)
