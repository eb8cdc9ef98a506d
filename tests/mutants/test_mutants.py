"""The mutants fit the source: each changes exactly one place of it."""

import runpy
from pathlib import Path

import pytest

RUN = runpy.run_path(str(Path(__file__).with_name("run.py")))


@pytest.mark.parametrize("mutant", RUN["MUTANTS"], ids=lambda mutant: mutant.name)
def test_a_mutant_changes_one_place(mutant):
    source = (RUN["ROOT"] / mutant.file).read_text(encoding="utf-8")
    assert source.count(mutant.within) == 1 or not mutant.within
    assert mutant.apply(source) != source


@pytest.mark.parametrize("mutant", RUN["MUTANTS"], ids=lambda mutant: mutant.name)
def test_a_killer_is_a_test_that_there_is(mutant):
    file, _, test = mutant.killer.partition("::")
    name = test.partition("[")[0]
    assert f"\ndef {name}(" in (RUN["ROOT"] / file).read_text(encoding="utf-8")


def test_there_are_thirty_mutants_of_the_sql():
    assert sum(mutant.file.endswith(".sql") for mutant in RUN["MUTANTS"]) >= 30
