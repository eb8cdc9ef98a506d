"""A real pg_cron, where the server has it (.ci/run installs it)."""

import time

import pytest
from sqlalchemy import make_url, text

from rfm.db.connect import connect, run_script
from rfm.db.sql import read_sql
from rfm.testing import server_address


@pytest.fixture
def cron_engine():
    """Give the one database of the server that can have pg_cron, with the CRM's base tables."""
    with connect(server_address()).connect() as connection:
        found = connection.scalar(
            text("select count(*) from pg_available_extensions where name = 'pg_cron'")
        )
        if not found:
            pytest.skip("this server has no pg_cron")
    engine = connect(
        make_url(server_address()).set(database="rfm_cron").render_as_string(hide_password=False)
    )
    with engine.connect() as alone:
        # there is one such database for all; asked, not waited for: that would hold up an index
        while not alone.scalar(text("select pg_try_advisory_lock(42)")):
            alone.commit()
            time.sleep(0.1)
        alone.commit()
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "drop schema if exists public, rfm cascade; create schema public;"
                "drop extension if exists pg_cron; create extension pg_cron"
            )
            run_script(connection, read_sql("demo/base_tables"))
        yield engine
