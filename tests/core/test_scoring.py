from decimal import Decimal
from typing import Any, cast

import polars as pl
import polars.selectors as cs
import pytest

import rfm
from tests.core.strategies import (
    steps_in_memory,
    summary_frame,
)

SCORES = ["rfm_recency", "rfm_frequency", "rfm_monetary", "lead_score"]
ENGINES = ["in-memory", "streaming"]
NOTHING = {"recency_days": None, "frequency": None, "monetary": None}


def score_one(model=rfm.PUBLISHED, **columns):
    """Scores of one customer, on the three numbers that are given."""
    row = {"recency_days": 0, "frequency": 1, "monetary": 0, **columns}
    return rfm.score_frame(pl.DataFrame(row), model).select(SCORES).row(0)


# ---------------------------------------------------------------- both sides of every threshold


@pytest.mark.parametrize(
    ("recency_days", "expected"),
    [(None, 1), (0, 5), (30, 5), (31, 4), (60, 4), (61, 3), (90, 3), (91, 2), (180, 2), (181, 1)],
)
def test_published_recency(recency_days, expected):
    assert score_one(recency_days=recency_days)[0] == expected


@pytest.mark.parametrize(
    ("frequency", "expected"),
    [(None, 1), (0, 1), (1, 2), (2, 2), (3, 3), (4, 3), (5, 4), (9, 4), (10, 5), (10**9, 5)],
)
def test_published_frequency(frequency, expected):
    assert score_one(frequency=frequency)[1] == expected


@pytest.mark.parametrize(
    ("monetary", "expected"),
    [
        (None, 1),
        ("-1000", 1),
        ("0", 1),
        ("49.99", 1),
        ("50", 2),
        ("199.99", 2),
        ("200", 3),
        ("499.99", 3),
        ("500", 4),
        ("999.99", 4),
        ("1000", 5),
    ],
)
def test_published_monetary(monetary, expected):
    spend = pl.Series([monetary], dtype=pl.String)
    for dtype in (pl.Decimal(38, 2), pl.Float64):
        assert score_one(monetary=spend.cast(dtype))[2] == expected


def test_the_published_lead_score_is_three_two_one():
    assert score_one(recency_days=20, frequency=4, monetary=600) == (5, 3, 4, 25)


# ---------------------------------------------------------------- what no threshold decides

EASY = rfm.Model(recency=[10**6] * 4, frequency=[0] * 4, monetary=[-(10**6)] * 4)


@pytest.mark.parametrize("frequency", [0, None, -3])
@pytest.mark.parametrize("recency_days", [0, None])
def test_a_customer_without_a_counted_order_gets_ones(frequency, recency_days):
    row = {"recency_days": recency_days, "frequency": frequency, "monetary": 10**6}
    assert score_one(EASY, **row) == (1, 1, 1, 6)


@pytest.mark.parametrize("kind", [int, float, Decimal])
def test_a_negative_spend_gets_one(kind):
    assert score_one(EASY, monetary=kind(-1))[2] == 1
    assert score_one(EASY, monetary=kind(0))[2] == 5


@pytest.mark.parametrize("spend", [float("nan"), float("inf"), -float("inf")])
def test_nan_and_infinite_spend_gets_one(spend):
    assert score_one(EASY, monetary=spend)[2] == 1


def test_a_frame_of_nothing_but_nulls_gets_ones():
    assert score_one(EASY, **NOTHING) == (1, 1, 1, 6)


# ---------------------------------------------------------------- types and extremes

INTEGERS = [
    *(pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Int128),
    *(pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64),
]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_thresholds_that_a_narrow_column_cannot_hold_are_compared_all_the_same(dtype):
    model = rfm.Model(recency=[10**50, 10**5, 3], frequency=[2, 10**40], monetary=[100, 10**60])
    three = pl.Series([3], dtype=dtype)
    row = score_one(model, recency_days=three, frequency=three, monetary=three)
    assert row[:3] == (4, 2, 1)


@pytest.mark.parametrize(
    ("dtype", "spend", "threshold", "met"),
    [
        (pl.Decimal(5, 2), "999.99", "999.99", True),
        (pl.Decimal(5, 2), "999.99", "999.991", False),
        (pl.Decimal(5, 2), "999.99", "1000", False),
        (pl.Decimal(5, 2), "0.01", "0.001", True),
        (pl.Decimal(5, 2), "0.00", "0.001", False),
        (pl.Decimal(38, 0), "9" * 38, "9" * 38, True),
        (pl.Decimal(38, 0), "9" * 38, "9" * 38 + ".1", False),
        (pl.Decimal(38, 38), "0." + "9" * 38, "0." + "9" * 39, False),
        (pl.Decimal(38, 2), "0.00", "1E-999999999", False),
        (pl.Decimal(38, 2), "0.01", "1E-999999999", True),
        (pl.Decimal(38, 2), "0.00", "-1E+999999999", True),
        (pl.Decimal(38, 2), "1.00", "1E+999999999", False),
        (pl.Int64, str(2**63 - 1), str(2**63 - 1), True),
        (pl.Int64, str(2**63 - 1), f"{2**63 - 1}.5", False),
        (pl.UInt64, str(2**64 - 1), str(2**64 - 1), True),
        (pl.Int128, str(2**127 - 1), str(2**127 - 1), True),
        (pl.Int128, str(2**127 - 1), str(2**127), False),
        (pl.Float64, "0.3", "0.3", True),
        (pl.Float64, "0.3", "0.30000000000000004", False),
        (pl.Float64, "1e308", "1e999", False),
        (pl.Float32, "0.5", "0.5", True),
    ],
)
def test_spend_is_compared_to_the_last_digit(dtype, spend, threshold, met):
    column = pl.Series([spend]).cast(dtype)
    assert str(column[0]).startswith(str(spend)[:4]) or dtype.is_float()
    assert score_one(rfm.Model(monetary=[Decimal(threshold)]), monetary=column)[2] == 1 + met


def test_types_are_those_of_the_database_and_other_columns_pass_through_in_order():
    frame = pl.DataFrame(
        {"email": "a@x", "monetary": [5], "customer_id": "a", "frequency": 1, "recency_days": 1}
    )
    for scored in (
        rfm.score_frame(frame, rfm.PUBLISHED),
        rfm.score_frame(frame.clear(), rfm.PUBLISHED),
    ):
        assert list(scored.schema.items())[:5] == list(frame.schema.items())
        assert list(scored.schema.items())[5:] == [
            ("rfm_recency", pl.Int32),
            ("rfm_frequency", pl.Int32),
            ("rfm_monetary", pl.Decimal(3, 2)),
            ("lead_score", pl.Int32),
        ]


def test_a_model_scores_a_lazy_frame_without_collecting_it():
    def refuse(_):
        raise AssertionError

    rfm.score_frame(summary_frame([]).lazy().map_batches(refuse), rfm.PUBLISHED)


def test_a_scored_lazy_frame_streams():
    assert steps_in_memory(rfm.score_frame(summary_frame([]).lazy(), rfm.PUBLISHED)) == 0


def test_floats_that_hold_whole_numbers_score_as_integers_do():
    whole = {
        "recency_days": [30, 31, None, 5],
        "frequency": [10, 1, 2, None],
        "monetary": [50, 9, 1, 1],
    }
    frame = pl.DataFrame(whole)
    floats = frame.with_columns(pl.col("recency_days", "frequency").cast(pl.Float64))
    assert rfm.fit(floats) == rfm.fit(frame)
    for model in (None, rfm.PUBLISHED):
        scores = [
            rfm.score_frame(one, model).select(cs.last(), cs.starts_with("rfm"))
            for one in (frame, floats)
        ]
        assert scores[0].equals(scores[1])


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
def test_nan_and_infinities_earn_no_point(odd):
    row = {"recency_days": [odd], "frequency": [odd], "monetary": [odd]}
    assert rfm.score_frame(pl.DataFrame(row), rfm.PUBLISHED)["lead_score"].to_list() == [6]


# ---------------------------------------------------------------- errors


def test_a_model_must_be_a_model():
    with pytest.raises(rfm.InvalidModel, match=r"model is a dict, not an rfm\.Model"):
        rfm.score_frame(summary_frame([]), cast("Any", {"recency": [1]}))


def test_an_empty_frame_without_a_model_is_an_error():
    with pytest.raises(rfm.EmptyFit, match=r"or use rfm.PUBLISHED"):
        rfm.score_frame(summary_frame([]))


@pytest.mark.parametrize("kind", [pl.DataFrame, pl.LazyFrame])
def test_missing_columns_and_wrong_types_are_named_at_once(kind):
    with pytest.raises(rfm.InvalidFrame) as error:
        rfm.score_frame(kind({"recency_days": ["1"], "monetary": ["9"]}), rfm.PUBLISHED)
    assert str(error.value) == (
        "1 column missing from summary: 'frequency' (found: 'recency_days', 'monetary'); "
        "call rfm.summarize_orders first\n"
        "2 columns of the wrong type in summary: "
        "'recency_days' is String, not a whole number: cast it to pl.Int64; "
        "'monetary' is String, not an integer, Decimal or float: cast it to pl.Decimal(38, 2)"
    )


@pytest.mark.parametrize("dtype", [pl.Int64, pl.String, pl.Categorical])
@pytest.mark.parametrize("shuffled", [True, False])
def test_null_and_repeated_customers_are_named(dtype, shuffled):
    ids = pl.Series([*range(100), *range(0, 100, 10), None]).cast(pl.String).cast(dtype)
    frame = pl.DataFrame({"customer_id": ids, **NOTHING})
    if shuffled:
        frame = frame.sample(fraction=1, shuffle=True, seed=1)
    with pytest.raises(
        rfm.InvalidFrame, match=r"^1 row of summary without 'customer_id', at index"
    ) as error:
        rfm.score_frame(frame, rfm.PUBLISHED)
    assert "10 customers on more than one row of summary: " in str(error.value)


@pytest.mark.parametrize("ids", [[1, 2, 2], [2, 1, 2], ["b", "b", "a"]])
def test_a_repetition_is_found_in_sorted_and_unsorted_ids(ids):
    with pytest.raises(
        rfm.InvalidFrame, match=r"1 customer on more than one row of summary: .?[2b]"
    ):
        rfm.score_frame(pl.DataFrame({"customer_id": ids, **NOTHING}), rfm.PUBLISHED)


def test_the_ids_of_a_lazy_frame_are_not_checked():
    frame = pl.LazyFrame({"customer_id": [1, 1, None], **NOTHING})
    assert rfm.score_frame(frame, rfm.PUBLISHED).collect().height == 3
