"""Reading the log: nothing is lost, order is kept per customer, nobody waits for an open transaction."""

import subprocess
import time

import psycopg
import pytest

from rfm import db
from rfm.errors import ConsumerBusy, InvalidArgument
from rfm.testing import temporary_database
from tests.db.history.support import ORDER, key, order, recorded_events, worker
from tests.support import address, program, run, session


def test_a_transaction_that_commits_late_loses_no_event_and_delays_no_other(recorded):
    with (
        session(recorded) as a,
        session(recorded) as b,
        session(recorded) as c,
        worker(recorded) as crm,
    ):
        b.execute("select pg_current_xact_id()")
        c.execute(ORDER, [key(2)])
        a.execute(ORDER, [key(1)])
        a.commit()
        b.execute(ORDER.replace("5000", "50000"), [key(1)])
        b.commit()

        first = crm.next()
        assert [customer for _, customer in first] == [1, 1]
        assert first == sorted(first)
        crm.done()
        assert crm.next() == []
        c.commit()
        second = crm.next()
        assert [customer for _, customer in second] == [2]
        assert second < first  # its number is smaller: `event_id > last` would have lost it


def test_an_idle_transaction_delays_nobody(recorded):
    with session(recorded) as idle, worker(recorded) as crm:
        idle.execute("select pg_current_xact_id()")
        idle.execute(ORDER, [key(3)])
        for number in (1, 2, 1):
            order(recorded, number, cents=100_000)
            started = time.monotonic()
            assert crm.take() in ([number], [])
            assert time.monotonic() - started < 1
        idle.commit()
        assert crm.take() == [3]
        assert crm.take() == []


def test_events_of_a_savepoint_that_is_rolled_back_are_no_events(recorded):
    with session(recorded) as writer, worker(recorded) as crm:
        writer.execute("savepoint one")
        writer.execute(ORDER, [key(1)])
        writer.execute("rollback to savepoint one")
        writer.execute("savepoint two")
        writer.execute(ORDER, [key(2)])
        writer.execute("release savepoint two")
        assert crm.take() == []
        writer.commit()
        assert crm.take() == [2]


def test_the_open_batch_comes_again_until_it_is_done(recorded):
    for number in (1, 2, 3):
        order(recorded, number)
    with worker(recorded) as crm:
        first = crm.next(2)
        order(recorded, 4)
        assert crm.next(2) == crm.next(1000) == first
        crm.done()
        assert [customer for _, customer in crm.next(2)] == [3]
        crm.done()
        crm.done()
        assert [customer for _, customer in crm.next(2)] == [4]


def test_a_batch_of_a_session_that_ended_goes_to_the_next_one(recorded):
    order(recorded, 1)
    with worker(recorded) as one:
        batch = one.next()
    with worker(recorded) as other:
        assert other.next() == batch


def test_a_second_worker_is_told_that_the_consumer_is_busy(recorded):
    order(recorded, 1)
    with worker(recorded) as one, worker(recorded) as other:
        one.next()
        with pytest.raises(psycopg.errors.LockNotAvailable, match="consumer crm is busy"):
            other.next()
        with pytest.raises(psycopg.errors.LockNotAvailable, match="consumer crm is busy"):
            other.done()
        with pytest.raises(ConsumerBusy, match="consumer crm is busy"):
            next(db.events(recorded, "crm"))
        one.done()
        assert other.next() == []
        with worker(recorded, "mail") as mail:
            assert mail.take() == [1]


def test_a_worker_in_an_open_transaction_keeps_others_out(recorded):
    order(recorded, 1)
    with session(recorded) as one, worker(recorded) as other:
        one.execute("select lead_score_events_next('crm')")
        one.commit()
        one.execute("select lead_score_events_done('crm')")
        with pytest.raises(psycopg.errors.LockNotAvailable, match="another session works on it"):
            other.next()


def test_a_batch_of_less_than_one_event_is_refused(recorded):
    with worker(recorded) as crm, pytest.raises(psycopg.errors.InvalidParameterValue):
        crm.next(0)


def test_a_forgotten_consumer_begins_anew(recorded):
    order(recorded, 1)
    with worker(recorded) as crm:
        assert crm.take() == [1]
        assert run(recorded, "select lead_score_events_forget('crm')") == [(True,)]
        assert run(recorded, "select lead_score_events_forget('crm')") == [(False,)]
        assert crm.take() == [1]


def test_every_event_comes_once_to_a_consumer_that_does_its_batches(recorded):
    with worker(recorded) as crm:
        taken = []
        for round_ in range(6):
            for number in (1, 2, 3):
                order(recorded, number, cents=20_000 * round_, age=f"{60 - 10 * round_} days")
            taken += [event for event, _ in crm.next(4)]
            crm.done()
        while batch := crm.next(4):
            taken += [event for event, _ in batch]
            crm.done()
    written = run(recorded, "select event_id from lead_score_history order by event_id")
    assert [(event,) for event in taken] == written


# ---------------------------------------------------------------- another server, a standby


def restored_elsewhere(engine, ahead):
    """Make the log as it is after a restore on a server whose counter is behind the stored ids."""
    run(
        engine,
        f"""
        update lead_score_history_state set system_identifier = 7;
        update lead_score_history
        set xid = (xid::text::bigint + {ahead})::text::xid8;
        update lead_score_consumers set
        done_snapshot = regexp_replace(
            format('%s:%s:', {ahead} + pg_snapshot_xmin(done_snapshot)::text::bigint,
            {ahead} + pg_snapshot_xmax(done_snapshot)::text::bigint), '^$', '')::pg_snapshot,
        window_snapshot = null, batch_until = null;
        """,
    )


@pytest.mark.parametrize("ahead", [0, 1_000_000])
def test_after_a_restore_nothing_is_lost_and_nothing_comes_for_ever(recorded, ahead):
    order(recorded, 1)
    with worker(recorded) as crm:
        assert crm.take() == [1]
        assert crm.next() == []
        run(recorded, "update lead_score_consumers set active_at = now() - interval '1 hour'")
        assert crm.next() == []  # written down
        order(recorded, 2)
        restored_elsewhere(recorded, ahead)
        order(recorded, 3)
        seen = crm.take()
        assert seen[-2:] == [2, 3]
        order(recorded, 4)
        assert crm.take() == [4]
        assert crm.take() == []
    with worker(recorded, "mail") as mail:
        assert mail.take() == [1, 2, 3, 4]
        assert mail.take() == []


def test_a_dump_restored_keeps_the_log_and_the_consumers(recorded):
    order(recorded, 1)
    with worker(recorded) as crm:
        assert crm.take() == [1]
        order(recorded, 2)
    dump = subprocess.run(
        [program("pg_dump"), "--no-owner", address(recorded)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.replace("SET transaction_timeout = 0;", "")
    with temporary_database() as copy:
        subprocess.run(
            [program("psql"), "-X", "-q", "-d", address(copy)],
            input=dump,
            text=True,
            check=True,
            capture_output=True,
        )
        assert recorded_events(copy) == recorded_events(recorded)
        order(copy, 3)
        with worker(copy) as crm:
            assert crm.take()[-2:] == [2, 3]
            assert crm.take() == []


# ---------------------------------------------------------------- the library


def test_a_loop_that_fails_gets_its_batch_again(recorded):
    for number in (1, 2, 3):
        order(recorded, number)
    first = next(db.events(recorded, "crm", batch_size=2))
    again = [event for batch in db.events(recorded, "crm", batch_size=2) for event in batch]
    assert again[:2] == first
    assert [event["subject"][-1] for event in again] == ["1", "2", "3"]
    assert list(db.events(recorded, "crm")) == []


def test_the_envelope_is_that_of_cloud_events(recorded):
    order(recorded, 1, cents=200_000)
    [[event]] = list(db.events(recorded, "crm"))
    assert {name: event[name] for name in ("specversion", "type", "subject")} == {
        "specversion": "1.0",
        "type": "rfm.score.changed.v1",
        "subject": key(1),
    }
    assert event["data"]["cause"] == "order"
    assert event["data"]["change"] == "category_changed"
    assert event["data"]["old"]["category"] == "Warm"
    assert event["data"]["new"]["score"] > event["data"]["old"]["score"]


def test_a_batch_size_of_nothing_is_refused_at_once(recorded):
    with pytest.raises(InvalidArgument, match="batch_size"):
        db.events(recorded, "crm", batch_size=0)


def test_a_long_transaction_holds_back_what_may_be_pruned(recorded):
    ask_again = "update lead_score_consumers set active_at = now() - interval '1 minute'"
    with session(recorded) as slow, worker(recorded) as crm:
        slow.execute(ORDER, [key(1)])
        order(recorded, 2)
        assert crm.take() == [2]
        for _ in range(3):
            run(recorded, ask_again)
            assert crm.next() == []
        # the event of the open transaction has the smallest number, and is not done
        assert run(recorded, "select done_until from lead_score_consumers") == [(0,)]
        slow.commit()
        assert crm.take() == [1]
        for _ in range(3):
            run(recorded, ask_again)
            assert crm.next() == []
        assert run(recorded, "select done_until from lead_score_consumers") == [(2,)]
