"""`rfm model …`: what is printed, what is stored, and the exit codes."""

import json

import pytest

from rfm import Model, db
from tests.support import run

CSV = "buyer,ordered_at,amount\n" + "".join(
    f"{n:03},2026-0{1 + n % 9}-10,{n}.50\n" for n in range(60)
)


@pytest.fixture
def crm(rfm_engine):
    run(
        rfm_engine,
        """
        insert into customers (email) select n::text from generate_series(1, 30) as n;
        insert into orders (customer_id, total_cents, created_at)
        select id, 100 * email::int, now() - email::int * interval '9 days' from customers;
        """,
    )
    return rfm_engine


@pytest.fixture
def model(rfm_command, crm):
    return lambda *words, code=0: rfm_command("model", *words, code=code, engine=crm)


def test_fit_stores_and_activate_activates(model, crm):
    done = model("fit", "--min-customers", "30")
    assert done.stdout == "stored as model 2; to score with it, run rfm model activate 2\n"
    assert done.stderr == "fitted on 30 customers\n"
    assert db.active_model(crm) == Model()
    # each of them has one order: no fitted threshold tells them apart
    refused = model("activate", "2", code=2).stderr
    assert refused.startswith("error: 6 segments are out of reach under model 2: champions, loyal,")
    assert refused.endswith("activate a segment map that fits, or pass --allow-dead-segments\n")
    assert db.active_model(crm) == Model()
    done = model("activate", "2", "--allow-dead-segments")
    assert done.stdout.startswith("model 2 is active; to rescore")
    assert db.active_model(crm) == db.stored_model(crm, 2) != Model()


def test_fit_can_activate_at_once(model, crm):
    words = ("fit", "--min-customers", "30", "--activate", "--allow-dead-segments")
    assert model(*words).stdout.startswith("model 2 is act")
    assert [bool(one.activated_at) for one in db.models(crm)] == [False, True]


def test_fit_refuses_too_few_customers(model, crm):
    done = model("fit", code=2)
    assert done.stderr.startswith("error: 30 customers have a counted order")
    assert "500 or more" in done.stderr
    assert len(db.models(crm)) == 1


def test_fit_reads_a_file_of_orders(model, crm, tmp_path):
    (tmp_path / "orders.csv").write_text(CSV)
    words = ("fit", "--orders", "orders.csv", "--customer-id", "buyer", "--min-customers", "60")
    assert "--as-of" in model(*words, code=2).stderr
    assert model(*words, "--as-of", "2026-11-01").stderr == (
        "60 rows read, 60 counted, 60 customers\n"
        "  - 60 rows without a status, so every order counts\n"
        "fitted on 60 customers\n"
    )
    (_, stored) = db.models(crm)
    assert (stored.fitted_customers, str(stored.fitted_as_of)) == (
        60, "2026-11-01 00:00:00+00:00",
    )  # fmt: skip
    assert "61 or more" in model(*words[:-1], "61", "--as-of", "2026-11-01", code=2).stderr
    assert len(db.models(crm)) == 2


def test_set_takes_what_is_said_and_leaves_the_rest_as_it_is(model, crm):
    db.activate(crm, db.store_model(crm, Model(monetary=[1, 2, 3], weights=(2, 2, 2))))
    model("set", "--recency", "90, 60,30", "--monetary", "0.50,20")
    assert json.loads(model("show", "3").stdout) == {
        "recency": [90, 60, 30],
        "frequency": [1, 3, 5, 10],
        "monetary": ["0.50", "20"],
        "weights": [2, 2, 2],
    }


def test_what_show_prints_set_reads(model, crm, tmp_path):
    db.activate(
        crm, db.store_model(crm, Model(recency=[5, 4, 3], frequency=[])), allow_dead_segments=True
    )
    (tmp_path / "model.json").write_text(model("show").stdout)
    assert model("set", "model.json", "--activate").stdout.startswith("model 3 is active")
    assert db.active_model(crm) == Model(recency=[5, 4, 3], frequency=[])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("set",), "either a model.json"),
        (("set", "model.json", "--weights", "3,2,1"), "either a model.json"),
        (("set", "none.json"), "cannot use none.json: No such file or directory"),
        (("set", "--recency", "9x"), "--recency '9x' is not a list of numbers"),
        (("set", "--recency", "1,2"), "is not descending"),
        (("set", "--monetary", "nan"), "not a finite number"),
        (("set", "--monetary", "inf"), "not a finite number"),
        (("set", "--recency", "inf"), "not "),
        (("set", "--weights", "3,2"), "sum to 6"),
        (("activate", "9"), "there is no lead score model 9; there are 1"),
        (("show", "9"), "there is no lead score model 9"),
        (("simulate", "9"), "there is no lead score model 9"),
        (("simulate", "1", "--against", "9"), "there is no lead score model 9"),
        (("fit", "--as-of", "soon"), "not a date or time"),
    ],
)
def test_a_bad_call_is_one_line_and_stores_nothing(model, crm, words, says):
    done = model(*words, code=2)
    assert done.stderr.startswith("error: ")
    assert says in done.stderr
    assert done.stdout == ""
    assert len(db.models(crm)) == 1


def test_list_shows_every_model_and_which_is_active(model, crm):
    db.activate(crm, db.store_model(crm, db.fit(crm, min_customers=1)), allow_dead_segments=True)
    lines = [line for line in model("list").stdout.splitlines() if line.startswith("│")]
    assert ["180, 90, 60, 30" in lines[0], "30 customers" in lines[1]] == [True, True]
    assert [line.rstrip("│ ").endswith(":") or line.split("│")[-2].strip() != "" for line in lines] == [
        False, True,
    ]  # fmt: skip


def test_simulate_shows_who_would_move(model, crm):
    number = db.store_model(crm, Model(recency=[], frequency=[], monetary=[]))
    done = model("simulate", str(number)).stdout
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in done.splitlines()
        if "│" in line
    ]
    assert sum(int(cells[1]) for cells in rows) == 30
    assert "Cold" in done
    assert "Cold" in model("simulate", "1", "--against", str(number)).stdout
