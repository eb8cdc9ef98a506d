"""The server and the databases of tests."""

import atexit
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from uuid import uuid4

from psycopg import sql
from sqlalchemy import Engine, make_url, text

from rfm._check.wording import count
from rfm.db.connect import connect, run_script
from rfm.db.proof import score_differences
from rfm.db.rescore.backfill import backfill
from rfm.db.schema.apply import apply
from rfm.db.sql import read_sql
from rfm.demo.embedded import start_server


def assert_scores_match(engine: Engine) -> None:
    """Raise `AssertionError` unless every stored score is the one that Polars computes.

    Reads scores, orders and the active model a range of customers at a time. The message has
    the number of customers that differ, and the first of them.

    >>> assert_scores_match(example_engine())
    """
    differences = score_differences(engine)
    if differences.height:
        raise AssertionError(
            f"{count(differences.height, 'stored score differs', 'stored scores differ')} from "
            f"Polars, the first is {differences.row(0, named=True)}"
        )


@cache
def server_address() -> str:
    """Return the address of the server of the tests: `RFM_TEST_DSN`, or an embedded server.

    The embedded server is started once per process, does not wait for the disk, and is deleted
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
    """Create a database as a copy of `template`, yield its engine, and drop it at the end.

    >>> with temporary_database() as engine, engine.connect() as connection:
    ...     connection.scalar(text("select count(*) from pg_tables where schemaname = 'public'"))
    0
    """
    name = f"rfm_{uuid4().hex}"
    _administer(
        sql.SQL("create database {} template {} strategy {}").format(
            sql.Identifier(name), sql.Identifier(template), sql.Identifier(_copy_strategy())
        )
    )
    try:
        yield connect(_address_of(name))
    finally:
        _administer(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@cache
def _copy_strategy() -> str:
    """Return how to copy: as files is faster, unless the server waits for the disk."""
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
def crm_database() -> Iterator[Engine]:
    """Create a database with the base tables of a CRM, yield its engine, and drop it at the end."""
    with temporary_database() as engine:
        with engine.begin() as connection:
            run_script(connection, read_sql("demo/base_tables"))
        yield engine


@cache
def example_engine() -> Engine:
    """Return the engine of a migrated database with three scored customers, one per process.

    It is for examples that only read.

    >>> with example_engine().connect() as connection:
    ...     connection.scalar(text("select count(*) from customers where lead_score > 0"))
    3
    """
    opened = ExitStack()
    engine = opened.enter_context(crm_database())
    atexit.register(opened.close)  # registered after the server's clean-up, so it runs before that
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
