import json
import pickle
from dataclasses import FrozenInstanceError, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rfm
from rfm.model import CATEGORIES
from tests.core.strategies import models


class Five:
    """An integer of another library."""

    def __index__(self):
        return 5


class NumpyFloat(float):
    def __repr__(self):
        return f"np.float64({float.__repr__(self)})"


@given(models)
def test_a_model_survives_json(model):
    assert rfm.Model.from_json(model.to_json()) == model


@given(models)
def test_a_model_survives_json_that_writes_money_as_numbers(model):
    fields = json.loads(model.to_json())
    numbers = ", ".join(fields.pop("monetary"))
    assert rfm.Model.from_json(f'{json.dumps(fields)[:-1]}, "monetary": [{numbers}]}}') == model


@given(models)
def test_a_model_survives_pickling_and_copying(model):
    assert pickle.loads(pickle.dumps(model)) == model == replace(model)
    assert hash(replace(model)) == hash(model)


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False), max_size=4))
def test_money_is_kept_to_the_last_digit(amounts):
    model = rfm.Model(monetary=sorted(amounts))
    assert rfm.Model.from_json(model.to_json()).monetary == tuple(sorted(amounts))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=4))
def test_a_float_stands_for_the_number_that_it_prints_as(amounts):
    model = rfm.Model(monetary=sorted(amounts))
    assert list(map(str, map(float, model.monetary))) == list(map(str, sorted(amounts)))


def test_the_published_model_is_the_default_one():
    numbers = ((180, 90, 60, 30), (1, 3, 5, 10), (50, 200, 500, 1000), (3, 2, 1))
    assert rfm.Model() == rfm.Model(*numbers) == rfm.PUBLISHED


def test_json_has_one_form():
    assert rfm.Model(monetary=[Decimal("0.10")]).to_json() == (
        '{"recency": [180, 90, 60, 30], "frequency": [1, 3, 5, 10], '
        '"monetary": ["0.10"], "weights": [3, 2, 1]}'
    )


def test_equal_numbers_make_equal_models():
    one, other = rfm.Model(monetary=[50]), rfm.Model(monetary=[Decimal("50.00")])
    assert one == other == rfm.Model(monetary=iter([50.0]))
    assert hash(one) == hash(other)
    assert one != rfm.Model(monetary=[51])


def test_a_model_never_changes():
    thresholds = [90, 30]
    model: Any = rfm.Model(recency=thresholds)
    thresholds.append(5)
    assert model.recency == (90, 30)
    with pytest.raises(FrozenInstanceError):
        model.recency = ()


def test_numbers_of_other_libraries_are_numbers():
    model = rfm.Model(recency=[Five()], monetary=[NumpyFloat(1.1), Five()])
    assert model == rfm.Model(recency=[5], monetary=[Decimal("1.1"), 5])


def test_lists_may_be_short_and_thresholds_equal():
    model = rfm.Model(recency=[30, 30], frequency=[], monetary=[0, 0])
    assert (model.recency, model.frequency) == ((30, 30), ())
    assert model.monetary == (Decimal(0), Decimal(0))


@pytest.mark.parametrize(
    ("keywords", "problem"),
    [
        ({"recency": (5, 4, 3, 2, 1)}, "recency: (5, 4, 3, 2, 1) has more than 4 thresholds"),
        ({"recency": (30, 60)}, "recency: (30, 60) is not descending"),
        ({"frequency": (3, 1)}, "frequency: (3, 1) is not ascending"),
        ({"monetary": (3, 1)}, "monetary: (3, 1) is not ascending"),
        ({"recency": (-1,)}, "recency[0]: -1 is not a whole number of 0 or more"),
        ({"recency": (30.5,)}, "recency[0]: 30.5 is not a whole number of 0 or more"),
        ({"recency": (True,)}, "recency[0]: True is not a whole number of 0 or more"),
        ({"frequency": ("3",)}, "frequency[0]: '3' is not a whole number of 0 or more"),
        ({"frequency": (None,)}, "frequency[0]: None is not a whole number of 0 or more"),
        ({"monetary": ("3",)}, "monetary[0]: '3' is not a finite number"),
        ({"monetary": (False,)}, "monetary[0]: False is not a finite number"),
        ({"monetary": (float("nan"),)}, "monetary[0]: nan is not a finite number"),
        ({"monetary": (float("inf"),)}, "monetary[0]: inf is not a finite number"),
        ({"monetary": (Decimal("sNaN"),)}, "monetary[0]: Decimal('sNaN') is not a finite number"),
        ({"monetary": 50}, "monetary: 50 is not a list of numbers"),
        ({"recency": {180, 90}}, "recency: {90, 180} has no order; pass a list"),
        ({"frequency": {1: 2, 3: 3}}, "frequency: {1: 2, 3: 3} has no order; pass a list"),
        ({"weights": (3, 2)}, "weights: (3, 2) is not 3 numbers of 1 or more that sum to 6"),
        ({"weights": (3, 2, 2)}, "weights: (3, 2, 2) is not 3 numbers of 1 or more that sum to 6"),
        ({"weights": (6, 0, 0)}, "weights: (6, 0, 0) is not 3 numbers of 1 or more that sum to 6"),
        ({"weights": (8, -1, -1)}, "weights[1]: -1 is not a whole number of 1 or more"),
    ],
)
def test_a_rule_that_is_broken_is_named(keywords, problem):
    with pytest.raises(rfm.InvalidModel) as error:
        rfm.Model(**keywords)
    assert problem in str(error.value)


def test_all_problems_are_listed_at_once():
    keywords: Any = {"recency": (1, 2), "frequency": ("x", -1), "monetary": None, "weights": ()}
    with pytest.raises(rfm.InvalidModel) as error:
        rfm.Model(**keywords)
    assert str(error.value) == (
        "5 problems:\n"
        "  - recency: (1, 2) is not descending\n"
        "  - frequency[0]: 'x' is not a whole number of 0 or more\n"
        "  - frequency[1]: -1 is not a whole number of 0 or more\n"
        "  - monetary: None is not a list of numbers\n"
        "  - weights: () is not 3 numbers of 1 or more that sum to 6\n"
        "Correct the model, or start from rfm.PUBLISHED"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1 problem: not JSON: Expecting value"),
        ("{'recency': []}", "1 problem: not JSON: "),
        ("[1]", r"1 problem: \[1\] is not a JSON object"),
        ("null", "1 problem: None is not a JSON object"),
        ('{"recency": []}', "3 problems:\n  - 'frequency' is missing\n  - 'monetary' is missing\n"),
        (rfm.PUBLISHED.to_json()[:-1] + ', "name": 1}', "1 problem: 'name' is unknown"),
        (rfm.PUBLISHED.to_json().replace('"50"', "NaN"), r"monetary\[0\]: nan is not a finite"),
        (rfm.PUBLISHED.to_json().replace('"50"', '"NaN"'), r"monetary\[0\]: Decimal\('NaN'\) is"),
        (rfm.PUBLISHED.to_json().replace('"50"', '"fifty"'), r"monetary\[0\]: 'fifty' is not"),
        (
            rfm.PUBLISHED.to_json().replace('"50"', "1e" + "9" * 30),
            r"monetary\[0\]: '1e9+\.\.\.9+' is not a",
        ),
        (rfm.PUBLISHED.to_json().replace('"50"', "[]"), r"monetary\[0\]: \[\] is not a finite"),
        (rfm.PUBLISHED.to_json().replace("180", "180.0"), r"recency\[0\]: Decimal\('180.0'\) is"),
        (rfm.PUBLISHED.to_json().replace("180", "true"), r"recency\[0\]: True is not a whole"),
    ],
)
def test_json_must_hold_a_model(text, problem):
    with pytest.raises(rfm.InvalidModel, match=problem):
        rfm.Model.from_json(text)


def test_categories_cover_every_lead_score_once():
    assert [score for scores in CATEGORIES.values() for score in scores] == list(range(6, 31))
