"""What a test suite needs to prove that its own database scores as rfm does.

In a `conftest.py`::

    pytest_plugins = ["rfm.testing"]

and then every test may ask for `rfm_engine`, a migrated database of its own::

    def test_an_order_scores_its_customer(rfm_engine):
        with rfm_engine.begin() as connection:
            ...
        assert_scores_match(rfm_engine)

The server is embedded, or the one whose address is in the environment variable `RFM_TEST_DSN`.
"""

import atexit
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from uuid import uuid4

import polars as pl
import pytest
from hypothesis import strategies as st
from psycopg import sql
from sqlalchemy import Engine, make_url, text

from rfm.db.connect import connect, run_script
from rfm.db.proof import score_differences
from rfm.db.rescore.backfill import backfill
from rfm.db.schema.apply import apply
from rfm.db.sql import read_sql
from rfm.demo.embedded import start_server
from rfm.model import PUBLISHED, Model
from rfm.summary import UNCOUNTED_STATUSES

DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)


def assert_scores_match(engine: Engine) -> None:
    """Raise `AssertionError` unless every stored score is what Polars finds on the same orders.

    Reads `lead_score_orders`, `customers` and the active model in one snapshot; the message tells
    how many customers differ and shows the first of them.

    >>> assert_scores_match(example_engine())
    """
    differences = score_differences(engine)
    if differences.height:
        raise AssertionError(
            f"{differences.height} stored score(s) differ from Polars, the first is "
            f"{differences.row(0, named=True)}"
        )


# ---------------------------------------------------------------- databases


@cache
def server_address() -> str:
    """Return the address of the server that tests use: `RFM_TEST_DSN`, or an embedded one.

    The embedded server is started once for the process, does not wait for the disk, and is deleted
    when the process ends.

    >>> with connect(server_address()).connect() as connection:
    ...     connection.scalar(text("select 6 * 5"))
    30
    """
    given = os.environ.get("RFM_TEST_DSN")
    if given:
        return given
    address = start_server()
    with connect(address).connect() as connection:
        autocommit = connection.execution_options(isolation_level="AUTOCOMMIT")
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            autocommit.execute(text(f"alter system set {setting} = off"))
        autocommit.execute(text("select pg_reload_conf()"))
    return address


@contextmanager
def temporary_database(template: str = "template1") -> Iterator[Engine]:
    """Create a database as a copy of `template`, yield its engine, and drop it.

    >>> with temporary_database() as engine, engine.connect() as connection:
    ...     connection.scalar(text("select count(*) from pg_tables where schemaname = 'public'"))
    0
    """
    name = f"rfm_{uuid4().hex}"
    _administer(
        sql.SQL("create database {} template {} strategy {}").format(
            sql.Identifier(name), sql.Identifier(template), sql.Identifier(_strategy())
        )
    )
    try:
        yield connect(_address_of(name))
    finally:
        _administer(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@cache
def _strategy() -> str:
    """Copy files, a quarter of the work of logged pages, unless each one waits for the disk."""
    with connect(server_address()).connect() as connection:
        return "wal_log" if connection.scalar(text("show fsync")) == "on" else "file_copy"


def _address_of(database: str) -> str:
    url = make_url(server_address()).set(database=database)
    return url.render_as_string(hide_password=False)


def _administer(statement: sql.Composed) -> None:
    with connect(server_address()).connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.connection.cursor().execute(statement)


@contextmanager
def _crm() -> Iterator[Engine]:
    with temporary_database() as engine:
        with engine.begin() as connection:
            run_script(connection, read_sql("demo/base_tables"))
        yield engine


@pytest.fixture(scope="session")
def rfm_crm_template() -> Iterator[str]:
    """Name a database with the CRM's base tables, to be copied."""
    with _crm() as engine:
        yield str(engine.url.database)


@pytest.fixture(scope="session")
def rfm_template() -> Iterator[str]:
    """Name a database with the base tables and every migration, to be copied."""
    with _crm() as engine:
        apply(engine)
        yield str(engine.url.database)


@pytest.fixture
def rfm_crm_engine(rfm_crm_template: str) -> Iterator[Engine]:
    """Give the test a database of its own with the CRM's base tables and no migration."""
    with temporary_database(rfm_crm_template) as engine:
        yield engine


@pytest.fixture
def rfm_engine(rfm_template: str) -> Iterator[Engine]:
    """Give the test a database of its own with the base tables and every migration."""
    with temporary_database(rfm_template) as engine:
        yield engine


@cache
def example_engine() -> Engine:
    """Return a migrated database with three scored customers, one for the whole process.

    For examples that only read.
    """
    opened = ExitStack()
    engine = opened.enter_context(_crm())
    atexit.register(opened.close)  # after the server's own, so it runs before it
    with engine.begin() as connection:
        run_script(connection, _EXAMPLE)
    apply(engine)
    backfill(engine)
    return engine


_EXAMPLE = """
insert into public.customers (email, full_name)
select name || '@example.com', initcap(name) from unnest('{ada,grace,mary}'::text[]) as name;

insert into public.orders (customer_id, status, total_cents, currency, created_at)
select c.id, 'paid', 12000, 'USD', now() - number * interval '20 days'
from public.customers as c
cross join generate_series(1, length(c.full_name)) as number
where c.email <> 'mary@example.com';
"""


# ---------------------------------------------------------------- strategies


def instants(as_of: datetime, model: Model = PUBLISHED) -> st.SearchStrategy[datetime]:
    """Draw times of orders: within two years, and around each recency threshold to the microsecond.

    >>> from hypothesis import given
    >>> @given(instants(datetime(2026, 11, 1, tzinfo=UTC)))
    ... def test_every_instant_has_a_zone(instant):
    ...     assert instant.tzinfo is UTC
    >>> test_every_instant_has_a_zone()
    """
    edges = [as_of, *(as_of - days * DAY for limit in model.recency for days in (limit, limit + 1))]
    near_an_edge = st.builds(
        lambda edge, microseconds: edge + microseconds * MICROSECOND,
        st.sampled_from(edges),
        st.integers(-2, 2),
    )
    return near_an_edge | st.datetimes(
        (as_of - 730 * DAY).replace(tzinfo=None),
        (as_of + 30 * DAY).replace(tzinfo=None),
        timezones=st.just(UTC),
    )


def cents(model: Model = PUBLISHED) -> st.SearchStrategy[int]:
    """Draw amounts in cents: everyday ones, around each threshold to the cent, negative and huge.

    >>> from hypothesis import given
    >>> @given(cents())
    ... def test_an_amount_fits_a_bigint(amount):
    ...     assert -(2**63) <= amount < 2**63
    >>> test_an_amount_fits_a_bigint()
    """
    edges = [int(threshold * 100) for threshold in model.monetary]
    around = (
        st.builds(int.__add__, st.sampled_from(edges), st.integers(-1, 1))
        if edges
        else st.nothing()
    )
    return around | st.integers(-10_000, 200_000) | st.sampled_from([0, 2**63 - 1, -(2**63)])


def statuses() -> st.SearchStrategy[str | None]:
    """Draw statuses of orders: counted and uncounted ones in any case, others, and null.

    >>> from hypothesis import given
    >>> @given(statuses())
    ... def test_a_status_is_text_or_null(status):
    ...     assert status is None or isinstance(status, str)
    >>> test_a_status_is_text_or_null()
    """
    words = st.sampled_from([*UNCOUNTED_STATUSES, "paid", "completed", "", " void", "refunded "])
    return words | words.map(str.upper) | words.map(str.title) | st.none()


def orders(
    as_of: datetime, model: Model = PUBLISHED, max_size: int = 40
) -> st.SearchStrategy[pl.DataFrame]:
    """Draw frames of orders of a few customers, for `rfm.summarize_orders`.

    Columns: `customer_id` (text), `ordered_at` (UTC or null), `amount` (exact decimal or null),
    `status` (text or null).

    >>> from hypothesis import given
    >>> from rfm import summarize_orders
    >>> as_of = datetime(2026, 11, 1, tzinfo=UTC)
    >>> @given(orders(as_of))
    ... def test_nobody_has_more_orders_than_there_are(frame):
    ...     assert summarize_orders(frame, as_of=as_of)["frequency"].sum() <= frame.height
    >>> test_nobody_has_more_orders_than_there_are()
    """
    row = st.tuples(
        st.sampled_from("abcdef"),
        instants(as_of, model) | st.none(),
        cents(model).map(lambda value: Decimal(value).scaleb(-2)) | st.none(),
        statuses(),
    )
    schema: dict[str, pl.DataType] = {
        "customer_id": pl.String(),
        "ordered_at": pl.Datetime("us", "UTC"),
        "amount": pl.Decimal(38, 2),
        "status": pl.String(),
    }
    return st.lists(row, max_size=max_size).map(
        lambda rows: pl.DataFrame(rows, schema=schema, orient="row")
    )


def summaries(max_size: int = 40) -> st.SearchStrategy[pl.DataFrame]:
    """Draw summaries, one row a customer, for `rfm.fit` and `rfm.score_frame`.

    >>> from hypothesis import given
    >>> from rfm import PUBLISHED, score_frame
    >>> @given(summaries())
    ... def test_a_lead_score_lies_between_6_and_30(summary):
    ...     assert score_frame(summary, PUBLISHED)["lead_score"].is_between(6, 30).all()
    >>> test_a_lead_score_lies_between_6_and_30()
    """
    money = st.integers(-10_000, 200_000).map(lambda value: Decimal(value).scaleb(-2))
    ordered = st.tuples(st.integers(0, 400) | st.none(), st.integers(1, 20), money)
    never = st.just((None, 0, Decimal("0.00")))
    schema: dict[str, pl.DataType] = {
        "customer_id": pl.Int64(),
        "recency_days": pl.Int64(),
        "frequency": pl.Int64(),
        "monetary": pl.Decimal(38, 2),
    }
    return st.lists(ordered | never, max_size=max_size).map(
        lambda rows: pl.DataFrame(
            [(number, *row) for number, row in enumerate(rows)], schema=schema, orient="row"
        )
    )


def models() -> st.SearchStrategy[Model]:
    """Draw models: short and empty lists, equal thresholds, every allowed weighting.

    >>> from hypothesis import given
    >>> @given(models())
    ... def test_a_model_survives_json(model):
    ...     assert Model.from_json(model.to_json()) == model
    >>> test_a_model_survives_json()
    """
    money = st.integers(-1_000, 200_000).map(lambda value: Decimal(value).scaleb(-2))
    weights = [(a, b, 6 - a - b) for a in range(1, 5) for b in range(1, 6 - a)]
    return st.builds(
        Model,
        recency=st.lists(st.integers(0, 400), max_size=4).map(lambda x: sorted(x, reverse=True)),
        frequency=st.lists(st.integers(0, 20), max_size=4).map(sorted),
        monetary=st.lists(money, max_size=4).map(sorted),
        weights=st.sampled_from(weights),
    )
