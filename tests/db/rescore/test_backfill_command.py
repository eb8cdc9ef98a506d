"""rfm db backfill: JSON on standard output, one line for an error."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.db.rescore.sixty import CUSTOMERS
from tests.support import address, past_triggers, run

RFM = Path(sys.executable).with_name("rfm")


def test_json_is_one_object_on_standard_output(crm):
    past_triggers(
        crm, "update customers set lead_score = 0, last_scored_at = null where email = '3'"
    )
    done = subprocess.run(
        [RFM, "db", "backfill", "--json", "--dsn", address(crm)],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told.pop("seconds") > 0
    assert told == {
        "customers": CUSTOMERS,
        "looked_at": CUSTOMERS,
        "rescored": 1,
        "changed": 1,
        "reasons": {"unscored": 1, "model": 0, "drifted": 0, "aged": 0},
        "moves": {"not scored": {"Cold": 1}},
        "from_queue": 0,
        "waiting": {},
        "finished": True,
    }
    assert done.stderr == ""


def test_json_tells_how_far_it_came_when_it_is_stopped(crm):
    run(crm, "alter table customers disable trigger calculate_customer_lead_score")
    done = subprocess.run(
        [RFM, "db", "backfill", "--json", "--dsn", address(crm)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert json.loads(done.stdout)["finished"] is False
    assert done.stderr.startswith("error: the trigger calculate_customer_lead_score")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [["--batch", "0"], ["--workers", "0"], ["--pause", "-1"]])
def test_a_bad_call_is_one_line(words):
    done = subprocess.run(
        [RFM, "db", "backfill", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: 1 problem: ")
    assert done.stdout == ""
