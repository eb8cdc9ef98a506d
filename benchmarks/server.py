"""An embedded PostgreSQL with several copies of one database, shared by the cases.

It has the default settings, with two exceptions: autovacuum is off, so that it does not run during
a trial (each trial starts with a VACUUM), and max_wal_size is larger.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg
from sqlalchemy.engine import make_url

from rfm import db
from rfm.db.connect import connect, run_script
from rfm.db.sql import read_sql
from rfm.demo.embedded import start_server

if TYPE_CHECKING:
    from sqlalchemy import Engine

_ADDRESS: Final = "RFM_BENCH_DATABASE"


def start() -> dict[str, str]:
    """Start the server and return its version; the cases, in other processes, find it."""
    os.environ[_ADDRESS] = start_server()
    server = engine("postgres")
    autocommit(
        server,
        "alter system set autovacuum = off",
        "alter system set max_wal_size = '16GB'",
        "select pg_reload_conf()",
    )
    with server.connect() as connection:
        return {"postgresql": str(connection.exec_driver_sql("show server_version").scalar())}


def make_databases(fill: str) -> None:
    """Make three databases with the same customers and orders, which the script inserts.

    `without` scoring, `ours`, scored by our triggers, and `guide`, scored as guide_design.sql does.
    """
    autocommit(engine("postgres"), "create database without")
    with engine("without").begin() as connection:
        run_script(connection, read_sql("demo/base_tables"))
        run_script(connection, fill)
    autocommit(engine("without"), "vacuum analyze")
    for name in ("ours", "guide"):
        autocommit(engine("postgres"), f"create database {name} template without")
    with engine("guide").begin() as connection:
        run_script(connection, Path(__file__).with_name("guide_design.sql").read_text())
    autocommit(engine("guide"), "update customers set updated_at = now()", "vacuum analyze")
    db.apply(engine("ours"))
    with engine("ours").begin() as connection:
        run_script(connection, "select public.fit_lead_score_model()")
    db.backfill(engine("ours"))
    autocommit(engine("ours"), "vacuum analyze")


def engine(database: str) -> Engine:
    """Return an engine for one of the server's databases."""
    url = make_url(os.environ[_ADDRESS]).set(database=database)
    return connect(url.render_as_string(hide_password=False))


def address(database: str) -> str:
    """Return the address of one of the server's databases, as drivers take it."""
    url = engine(database).url.set(drivername="postgresql")
    return url.render_as_string(hide_password=False)


def autocommit(on: Engine, *statements: str) -> None:
    """Run each statement in a transaction of its own."""
    with on.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def open_connection(database: str) -> psycopg.Connection[tuple[object, ...]]:
    """Vacuum the customers and return a connection in autocommit."""
    connection = plain_connection(database)
    connection.execute("vacuum analyze customers")
    return connection


def plain_connection(database: str) -> psycopg.Connection[tuple[object, ...]]:
    """Return a connection in autocommit."""
    return psycopg.connect(address(database), autocommit=True)
