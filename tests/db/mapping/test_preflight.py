"""A mapping that does not fit the database: one clear error, and nothing is created."""

import pytest

from rfm import db
from rfm.errors import PreflightFailed
from rfm.testing import temporary_database
from tests.db.mapping.crm import NAMES, Crm, changed, mapping_of

WRONG = {
    (
        "two_order_tables",
        'table = "crm.customer_profiles"',
        'table = "crm.people"',
    ): 'table "crm"."people" is missing',
    (
        "two_order_tables",
        'key = "profile_id"',
        'key = "id"',
    ): 'column "crm"."customer_profiles".id is missing',
    (
        "two_order_tables",
        'key = "profile_id"\nkey_type = "bigint"',
        'key = "mail"\nkey_type = "text"',
    ): "buyer_id is int8, not text",
    (
        "two_order_tables",
        'key_type = "bigint"',
        'key_type = "uuid"',
    ): "profile_id is int8, not uuid",
    (
        "two_order_tables",
        'ordered_at = "printed_at"',
        'ordered_at = "at"',
    ): '"till_receipts".at is missing',
    (
        "two_order_tables",
        'table = "shop.web_orders"',
        'table = "shop.all_orders"',
    ): '"shop"."all_orders" is missing, or is no table',
    ("two_order_tables", "phase as stage, ", ""): "deals.select has no column stage",
    ("two_order_tables", "worth as value", "phase as value"): "deals.select: value is text, not",
    (
        "two_order_tables",
        "customer_id, ordered_at, amount from",
        "customer_id, ordered_at from",
    ): "orders.select has no column amount",
    (
        "two_order_tables",
        "from shop.all_orders",
        "from shop.nothing",
    ): 'orders.select fails: relation "shop.nothing" does not exist',
    (
        "two_order_tables",
        "select customer_id, ordered_at, amount",
        "select customer_id, ordered_at::date, amount",
    ): "ordered_at is date, not timestamptz",
    ("quoted_names", "::numeric", ""): "amount is float8, not numeric",
    (
        "quoted_names",
        '"Kunden & Co."."order COLUMNS";',
        '"Kunden & Co."."order COLUMNS"; drop schema public',
    ): "orders.select fails",
    (
        "another_schema",
        "jsonb_build_object('minutes', minutes)",
        "'x'",
    ): "metadata is text, not jsonb",
    (
        "another_schema",
        "select customer_id, created_at, id as activity_id, jsonb_build_object('minutes'",
        "select customer_id, created_at, minutes as activity_id, jsonb_build_object('minutes'",
    ): "cannot be matched",
}


@pytest.mark.parametrize(("change", "says"), WRONG.items())
def test_what_does_not_fit_the_database_is_one_clear_error_and_nothing_is_created(
    templates, change, says
):
    schema, old, new = change
    with temporary_database(templates(schema)) as engine:
        crm = Crm(engine, db.Mapping.parse(changed(schema, old, new)))
        before = crm.catalogue()
        with pytest.raises(PreflightFailed) as caught:
            crm.apply()
        assert says in str(caught.value)
        assert "map-my-schema" in str(caught.value)
        assert crm.catalogue() == before


def test_a_key_that_is_not_unique_is_refused(templates):
    with temporary_database(templates("quoted_names")) as engine:
        crm = Crm(engine, mapping_of("quoted_names"))
        crm.run(
            "alter table {t} drop constraint {c} cascade",
            t=crm.mapping.customers.table,
            c='Kunde "A"_pkey',
        )
        with pytest.raises(PreflightFailed, match="no unique index"):
            db.plan(crm.engine, crm.mapping)


@pytest.mark.parametrize("kind", ["view", "materialized view"])
def test_a_timeline_that_would_show_everybodys_rows_is_refused(templates, kind):
    with temporary_database(templates("another_schema")) as engine:
        toml = changed("another_schema", "from app.calls", "from app.all_calls")
        crm = Crm(engine, db.Mapping.parse(toml))
        crm.run(f"create {kind} app.some_calls as select * from app.calls")
        crm.run(
            "create view app.all_calls with (security_invoker = on) as select * from app.some_calls"
        )
        with pytest.raises(PreflightFailed, match=r"reads (materialized )?view app\.some_calls"):
            db.plan(crm.engine, crm.mapping)
        if kind == "view":
            crm.run("alter view app.some_calls set (security_invoker = true)")
            assert len(db.plan(crm.engine, crm.mapping)) == len(NAMES)
