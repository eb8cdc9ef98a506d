"""`rfm segments …`: what is printed, what is stored, and the exit codes."""

import json

import pytest

import rfm
from rfm import Model, SegmentMap, db
from tests.support import run

ONE = '{"segments": [{"key": "buyer", "name": "Buyers", "meaning": "All.", "triples": ["*-*-*"]}]}'


@pytest.fixture
def crm(rfm_engine):
    run(
        rfm_engine,
        """
        insert into customers (email) select n::text from generate_series(0, 3) as n;
        insert into orders (customer_id, total_cents)
        select c.id, 100 from customers as c cross join generate_series(1, c.email::int);
        """,
    )
    return rfm_engine


@pytest.fixture
def segments(rfm_command, crm):
    return lambda *words, code=0: rfm_command("segments", *words, code=code, engine=crm)


def test_show_has_names_for_people_and_how_many_customers_each_segment_has(segments):
    shown = segments("show").stdout
    assert "Cannot Lose Them" in shown
    found = {one["key"]: one for one in json.loads(segments("show", "--json").stdout)}
    assert list(found) == list(rfm.GRID_PUBLISHED.keys)
    assert {key: one["customers"] for key, one in found.items() if one["customers"]} == {
        "new": 2, "potential_loyalist": 1, "prospect": 1,
    }  # fmt: skip
    assert found["new"]["scores"] == "5-12-*"
    other = {
        one["key"]: one["customers"] for one in json.loads(segments("show", "2", "--json").stdout)
    }
    assert set(other.values()) == {None}


def test_list_tells_which_map_is_active(segments):
    found = json.loads(segments("list", "--json").stdout)
    assert [(one["map"], bool(one["active since"])) for one in found] == [(1, True), (2, False)]
    assert "Segment maps" in segments("list").stdout


def test_what_export_prints_check_and_activate_read(segments, crm, tmp_path):
    text = segments("export", "2").stdout
    assert SegmentMap.from_json(text) == rfm.GRID
    (tmp_path / "segments.json").write_text(text.replace("Champions", "Best"))
    done = segments("check", "segments.json")
    assert done.stdout == "segments.json: 11 segments, all 125 triples have one\n"
    done = segments("activate", "segments.json", "--allow-dead-segments")
    assert done.stdout == "stored as segment map 3\nsegment map 3 is active\n"
    assert db.active_segment_map(crm).names["champions"] == "Best"
    assert segments("activate", "1").stdout == "segment map 1 is active\n"


def test_check_needs_no_database_and_tells_what_a_model_leaves_out(rfm_command, tmp_path):
    (tmp_path / "segments.json").write_text(rfm.GRID.to_json())
    (tmp_path / "model.json").write_text(Model().to_json())
    words = ("segments", "check", "segments.json", "--model", "model.json")
    done = rfm_command(*words, "--json", code=1)
    assert json.loads(done.stdout)["dead"] == ["new", "promising"]
    says = "error: 2 segments are out of reach under model.json: new, promising\n"
    assert done.stderr == says
    (tmp_path / "segments.json").write_text(ONE.replace("*-*-*", "*-*-2345"))
    broken = rfm_command("segments", "check", "segments.json", code=2).stderr
    assert "25 of 125 triples belong to no segment: 1-1-1, 1-2-1, 1-3-1, 1-4-1, 1-5-1, …" in broken


def test_simulate_tries_a_map_a_model_and_both(segments, crm, tmp_path):
    (tmp_path / "segments.json").write_text(ONE)
    db.store_model(crm, Model(recency=()))
    found = json.loads(segments("simulate", "--map", "segments.json", "--json").stdout)
    assert found == [
        {"before": "potential_loyalist", "buyer": 1, "prospect": 0},
        {"before": "new", "buyer": 2, "prospect": 0},
        {"before": "prospect", "buyer": 0, "prospect": 1},
    ]
    alone = segments("simulate", "--model", "2").stdout
    assert "Segments before (rows) and after (columns)" in alone
    assert "hibernating" in alone
    both = json.loads(segments("simulate", "--model", "2", "--map", "2", "--json").stdout)
    assert set(both[0]) == {"before", "hibernating", "at_risk", "prospect"}
    assert [bool(one.activated_at) for one in db.segment_maps(crm)] == [True, False]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("activate", "2"), "2 segments are out of reach under segment map 2: new, promising;"),
        (("activate", "2"), "or pass --allow-dead-segments\n"),
        (("activate", "9"), "there is no segment map 9; there are 1, 2"),
        (("show", "9"), "there is no segment map 9; there are 1, 2"),
        (("activate", "none.json"), "cannot use none.json: No such file or directory"),
        (("simulate", "--model", "9"), "there is no lead score model 9; there are 1"),
    ],
)
def test_what_cannot_be_done_is_one_message(segments, words, says):
    assert says in segments(*words, code=2).stderr
