"""`rfm explain`."""

import json

import jsonschema
import pytest

import rfm
from tests.support import run


@pytest.fixture
def engine(rfm_engine):
    run(
        rfm_engine,
        """
        insert into customers (email) values ('ann@example.org'), ('bob@example.org'), ('Bob@example.org');
        insert into orders (customer_id, total_cents, created_at)
        select id, 1290, now() - interval '40 days' from customers where email = 'ann@example.org';
        """,
    )
    return rfm_engine


def test_a_customer_is_explained_in_sentences_or_as_json(rfm_command, engine):
    shown = rfm_command("explain", "ANN@example.org", engine=engine).stdout.splitlines()
    assert shown[0].startswith("Lead score 17 (Cool), segment promising, as of ")
    assert "One order of any amount today: 20 (Warm)." in shown
    assert "One order of at least 37.10 today: 21 (Warm)." in shown
    found = json.loads(rfm_command("explain", "ann@example.org", "--json", engine=engine).stdout)
    jsonschema.validate(found, rfm.explanation_schema())
    assert shown == rfm.sentences(rfm.Explanation.from_dict(found))


@pytest.mark.parametrize(
    ("customer", "says"),
    [
        ("nobody@example.org", "error: there is no customer nobody@example.org"),
        ("4711", "error: there is no customer 4711"),
        (
            "bob@example.org",
            "error: 2 customers have the e-mail address bob@example.org; pass the id",
        ),
    ],
)
def test_who_cannot_be_found_is_one_message(rfm_command, engine, customer, says):
    assert rfm_command("explain", customer, engine=engine, code=2).stderr.startswith(says)
