"""`rfm db rescore-stale`, `rfm db backfill`, `rfm schedule`."""

import json

from tests.support import past_triggers


def test_stale_customers_are_rescored_and_counted(rfm_command, rfm_engine):
    past_triggers(
        rfm_engine,
        "insert into customers (email) select n::text from generate_series(1, 1234) as n;",
    )
    assert (
        rfm_command("db", "rescore-stale", engine=rfm_engine).stdout == "1,234 customers rescored\n"
    )
    assert rfm_command("db", "rescore-stale", engine=rfm_engine).stdout == "0 customers rescored\n"


def test_without_pg_cron_schedule_tells_what_to_put_into_a_crontab(rfm_command, rfm_engine):
    told = rfm_command("schedule", engine=rfm_engine, code=2).stderr
    assert told.startswith("error: pg_cron is not in database")
    assert "30 2 * * * rfm db rescore-stale\n" in told


def test_a_backfill_prints_what_it_did_as_text_or_as_json(rfm_command, rfm_engine):
    past_triggers(rfm_engine, "insert into customers (email) values ('ada@example.org');")
    shown = rfm_command("db", "backfill", engine=rfm_engine).stdout
    assert "not scored" in shown
    assert shown.splitlines()[-1] == (
        "1 of 1 customers checked, 1 rescored (1 unscored), 1 with another category"
    )
    done = json.loads(rfm_command("db", "backfill", "--json", engine=rfm_engine).stdout)
    assert (done["looked_at"], done["rescored"], done["finished"]) == (1, 0, True)
