"""`rfm history`: what each command prints, and its exit codes."""

import json

import pytest

from rfm.testing import temporary_database
from tests.support import run

ADA = "00000000-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def recorded(rfm_template):
    with temporary_database(rfm_template) as engine:
        run(
            engine,
            f"insert into customers (id, email) values ('{ADA}', 'ada@example.com');"
            f"insert into orders (customer_id, total_cents) values ('{ADA}', 6000)",
        )
        yield engine


def test_the_history_is_off_then_on_and_shows_what_happens(recorded, rfm_command):
    assert "not enabled" in rfm_command("history", "status", engine=recorded).stdout
    failed = rfm_command("history", "show", ADA, engine=recorded, code=2)
    assert "run `rfm history enable`" in failed.stderr
    assert rfm_command("history", "enable", "--baseline", engine=recorded).stdout == (
        "the history is enabled\n1 first event written\n"
    )
    run(recorded, f"insert into orders (customer_id, total_cents) values ('{ADA}', 90000)")

    shown = rfm_command("history", "show", ADA, engine=recorded).stdout
    assert "baseline" in shown
    assert "order" in shown
    assert "trend over 30 days: unknown" in shown
    found = json.loads(rfm_command("history", "show", ADA, "--json", engine=recorded).stdout)
    assert [event["cause"] for event in found["events"]] == ["baseline", "order"]

    moved = rfm_command("history", "movement", engine=recorded).stdout
    assert "1 customer, moved by themselves" in moved
    [row] = json.loads(rfm_command("history", "movement", "--json", engine=recorded).stdout)
    assert row["customers"] == 1

    status = json.loads(rfm_command("history", "status", "--json", engine=recorded).stdout)
    assert status["recorded_since"]
    assert "recorded since" in rfm_command("history", "status", engine=recorded).stdout
    assert rfm_command("history", "prune", engine=recorded).stdout == "0 events deleted\n"
    run(recorded, "select lead_score_events_next('crm', 1)")
    assert "crm" in rfm_command("history", "status", engine=recorded).stdout
    assert "deleted" in rfm_command("history", "disable", "--yes", engine=recorded).stdout


def test_a_customer_that_is_no_customer_and_an_age_of_nothing_are_refused(recorded, rfm_command):
    rfm_command("history", "enable", engine=recorded)
    failed = rfm_command("history", "show", "ada", engine=recorded, code=2)
    assert "'ada' is not the id of a customer" in failed.stderr
    failed = rfm_command("history", "prune", "--older-than", 0, engine=recorded, code=2)
    assert "not at least 1" in failed.stderr
