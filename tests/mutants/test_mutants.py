"""The mutants fit the source: each changes exactly one place of it."""

import pytest

from tests.mutants.mutant import ROOT, Mutant, mutants
from tests.mutants.run import APPLIES, TESTS

MUTANTS = mutants()
by_name = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


@by_name
def test_a_mutant_changes_one_place(mutant):
    assert mutant.apply(mutant.source()) != mutant.source()


@by_name
def test_a_killer_is_a_test_that_there_is(mutant):
    assert_exists(mutant.killer)


def test_what_runs_first_and_last_exists():
    assert_exists(APPLIES)
    assert all((ROOT / file).exists() for file in TESTS)


def assert_exists(test):
    file, _, name = test.partition("::")
    assert f"\ndef {name.partition('[')[0]}(" in (ROOT / file).read_text(encoding="utf-8")


def test_no_two_mutants_have_a_name_in_common():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_there_are_thirty_mutants_of_the_sql():
    assert sum(mutant.file.endswith(".sql") for mutant in MUTANTS) >= 30


# ---------------------------------------------------------------- how text is found

SOURCE = """
create view a as
select o./* slot key */ id
    from /* slot orders */ public.orders as o
    -- slot filter
    where o.status is null or o.amount operator(pg_catalog.>=) 0;
comment on view a is 'o.status is null';
"""


def change(old, new, within=""):
    return " ".join(Mutant("one", "a.sql", old, new, "", within).apply(SOURCE).split())


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("amount >= 0", "amount > 0", "o.amount > 0"),
        ("or o.amount >= 0;", ";", "null ; comment"),
        ("select o.id from", "select distinct o.id from", "select distinct o./* slot key */ id"),
        ("from public.orders as o where", "where", "id where"),
        ("create view a as", "", "select"),
    ],
)
def test_words_are_replaced_whatever_the_layout_and_slots_stay(old, new, says):
    assert says in change(old, new)


def test_within_ends_where_the_comment_on_the_object_begins():
    assert "where o.status is not null or" in change(
        "o.status is null", "o.status is not null", "create view a"
    )


@pytest.mark.parametrize("old", ["o.status is null", "o.state is null"])
def test_a_mutant_that_fits_no_place_or_two_says_what_is_nearest(old):
    with pytest.raises(ValueError, match=r"does not fit: a.sql has .* times; the nearest line is"):
        change(old, "false")
