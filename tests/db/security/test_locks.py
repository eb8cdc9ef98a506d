"""Nobody but the owner keeps apply from its lock, and its lock keeps nobody else from their work."""

import pytest

from rfm import db
from rfm.db.connect import engine_of
from rfm.db.schema import exclusive as module
from rfm.db.schema.exclusive import exclusive
from rfm.errors import DatabaseBusy, PreflightFailed, RecordUnreadable
from tests.db.security.roles import crm
from tests.support import as_user, create_roles, run, run_alone, session

MODES = ("access share", "row exclusive", "share update exclusive", "access exclusive")


@pytest.fixture(scope="module")
def owner():
    """Give a CRM with rfm in it."""
    with crm("granted") as engine:
        db.apply(engine)
        yield engine


def root(engine):
    return as_user(engine, "postgres")


def test_two_do_not_hold_it_and_the_second_says_who_does(owner, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.2)
    with (
        exclusive(engine_of(owner)),
        pytest.raises(DatabaseBusy, match=r"more than a minute; nothing.*rfm\.applied_migrations"),
        exclusive(engine_of(owner)),
    ):
        pytest.fail("both have it")
    with exclusive(engine_of(owner)):
        pass


def test_no_login_takes_the_lock_and_every_advisory_lock_is_of_no_use(owner):
    with session(owner, username="crm_stranger", autocommit=True) as stranger:
        stranger.execute("select pg_advisory_lock(hashtext('rfm.applied_migrations'))")
        for mode in MODES:
            with pytest.raises(Exception, match="permission denied"):
                stranger.execute(f"begin; lock table rfm.applied_migrations in {mode} mode")
            stranger.execute("rollback")
        with exclusive(engine_of(owner)):
            pass


def test_a_role_that_may_read_the_record_does_not_stop_apply(owner):
    run(
        owner,
        "grant usage on schema rfm to crm_stranger; grant select on rfm.applied_migrations to crm_stranger",
    )
    with session(owner, username="crm_stranger") as stranger:
        stranger.execute("lock table rfm.applied_migrations in access share mode")
        with pytest.raises(Exception, match="permission denied"), stranger.transaction():
            stranger.execute("lock table rfm.applied_migrations in row exclusive mode")
        with exclusive(engine_of(owner)):
            pass


def test_it_holds_no_snapshot_so_an_index_is_built_beside_it(owner):
    with exclusive(engine_of(owner)):
        assert run(
            root(owner),
            "select a.backend_xmin, a.backend_xid, s.setting from pg_locks as l"
            " inner join pg_stat_activity as a on a.pid = l.pid"
            " cross join pg_settings as s"
            " where s.name = 'idle_in_transaction_session_timeout'"
            " and l.relation = 'rfm.applied_migrations'::regclass"
            " and l.mode = 'ShareUpdateExclusiveLock'",
        ) == [(None, None, "0")]
        run_alone(owner, "set lock_timeout = '5s'", "set statement_timeout = '5s'")
        run_alone(
            owner,
            "create index concurrently beside_apply on orders (total_cents)",
            "drop index concurrently beside_apply",
        )


def test_no_timeout_of_the_database_ends_it(owner):
    name = owner.url.database
    timeouts = ["idle_in_transaction_session_timeout"]
    if run(owner, "select from pg_settings where name = 'transaction_timeout'"):
        timeouts.append("transaction_timeout")
    for timeout in timeouts:
        run(root(owner), f"alter database {name} set {timeout} = '300ms'")
    try:
        with exclusive(engine_of(owner)):
            with root(owner).connect() as connection:
                connection.exec_driver_sql(
                    f"set {timeouts[-1]} = 0; set idle_in_transaction_session_timeout = 0"
                )
                connection.exec_driver_sql("select pg_sleep(0.6)")
            assert run(
                root(owner), "select count(*) from pg_locks where mode = 'ShareUpdateExclusiveLock'"
            ) == [(1,)]
    finally:
        for timeout in timeouts:
            run(root(owner), f"alter database {name} reset {timeout}")


# ---------------------------------------------------------------- a record of somebody else

SPRUNG = """
    create schema rfm;
    grant usage on schema rfm to public;
    create function rfm.spring() returns text language plpgsql as
    $$ begin raise exception 'code of a stranger runs as %', current_user; end $$;
"""
RECORDS = {
    "schema": "create schema rfm; grant all on schema rfm to public",
    "record": "create schema rfm; create table rfm.applied_migrations"
    " (name text primary key, checksum text, applied_at timestamptz);"
    " grant all on schema rfm to public; grant all on rfm.applied_migrations to public",
    "mapping": "create schema rfm; create table rfm.mapping (toml text);"
    " grant all on schema rfm to public; grant all on rfm.mapping to public",
}


@pytest.fixture
def stranger():
    """Give a CRM in whose database a stranger may create a schema, and that stranger's engine."""
    create_roles()
    with crm("granted") as owner:
        run(root(owner), f"grant create on database {owner.url.database} to crm_stranger")
        yield owner, as_user(owner, "crm_stranger")


@pytest.mark.parametrize("theirs", RECORDS.values(), ids=RECORDS.keys())
@pytest.mark.parametrize("change", [db.plan, db.apply, db.rollback])
def test_a_record_of_a_stranger_is_refused(stranger, theirs, change):
    owner, theirs_engine = stranger
    run(theirs_engine, theirs)
    for engine in (owner, root(owner)):
        with pytest.raises(PreflightFailed, match="schema rfm belongs to role crm_stranger"):
            change(engine)
    assert {one.state for one in db.status(root(owner))} == {db.State.MISSING, db.State.NOT_ENABLED}


@pytest.mark.parametrize("table", ["mapping", "applied_migrations"])
def test_a_view_in_place_of_the_record_is_not_read(stranger, table):
    owner, theirs_engine = stranger
    run(
        theirs_engine,
        f"{SPRUNG} create view rfm.{table} as select rfm.spring() as toml,"
        " rfm.spring() as name, rfm.spring() as checksum, now() as applied_at;"
        f" grant select on rfm.{table} to public",
    )
    for function in (db.status, db.plan, db.apply, db.rollback, db.verify, db.backfill):
        with pytest.raises((RecordUnreadable, PreflightFailed), match="crm_stranger"):
            function(root(owner))


def test_a_record_with_the_rows_of_a_stranger_is_refused_where_it_can_be_replaced():
    """The schema is the owner's, and somebody else was allowed to create in it."""
    create_roles()
    with crm("granted") as fresh:
        run(fresh, "create schema rfm; grant usage, create on schema rfm to crm_stranger")
        run(
            as_user(fresh, "crm_stranger"),
            "create table rfm.applied_migrations (name text primary key, checksum text);"
            " grant all on rfm.applied_migrations to public",
        )
        with pytest.raises(PreflightFailed, match=r"table rfm\.applied_migrations belongs to"):
            db.apply(root(fresh))
