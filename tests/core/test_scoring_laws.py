"""What holds for all summaries and models."""

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import rfm
from tests.core import reference
from tests.core.reference import Summary
from tests.core.strategies import (
    CENTS,
    counts,
    days,
    models,
    money,
    summaries,
    summary_frame,
)

SCORES = ["rfm_recency", "rfm_frequency", "rfm_monetary", "lead_score"]
ENGINES = ["in-memory", "streaming"]
NOTHING = {"recency_days": None, "frequency": None, "monetary": None}


def score(customers, model=None, monetary=CENTS):
    return rfm.score_frame(summary_frame(customers, monetary), model).select(SCORES).rows()


@given(summaries(), models)
def test_scores_are_those_of_plain_python(customers, model):
    assert score(customers, model) == [reference.score(customer, model) for customer in customers]


@given(summaries(st.floats()), models)
def test_scores_of_float_spend_are_those_of_plain_python(customers, model):
    expected = [reference.score(customer, model) for customer in customers]
    assert score(customers, model, pl.Float64) == expected


@given(summaries(st.integers(-(2**63), 2**63 - 1)), models)
def test_scores_of_integer_spend_are_those_of_plain_python(customers, model):
    expected = [reference.score(customer, model) for customer in customers]
    assert score(customers, model, pl.Int64) == expected


@given(summaries(st.decimals(-99, 99, places=1)), models)
def test_a_threshold_finer_than_the_column_is_compared_exactly(customers, model):
    expected = [reference.score(customer, model) for customer in customers]
    assert score(customers, model, pl.Decimal(3, 1)) == expected


@given(models, days, days, counts, money)
def test_more_recent_never_scores_lower(model, one, other, orders, spend):
    late, early = score(
        [Summary(min(one, other), orders, spend), Summary(max(one, other), orders, spend)], model
    )
    assert all(x >= y for x, y in zip(late, early, strict=True))


@given(models, days, counts, money)
def test_one_more_counted_order_never_scores_lower(model, recency, orders, spend):
    more, fewer = score(
        [Summary(recency, orders + 1, spend), Summary(recency, orders, spend)], model
    )
    assert more[1] >= fewer[1]


@given(models, days, counts, money, money)
def test_more_spend_never_scores_lower(model, recency, orders, one, other):
    more, less = score(
        [Summary(recency, orders, max(one, other)), Summary(recency, orders, min(one, other))],
        model,
    )
    assert all(x >= y for x, y in zip(more, less, strict=True))


@given(summaries(min_size=1), st.none() | models)
def test_equal_customers_score_equal(customers, model):
    assume(any(customer.frequency for customer in customers))
    scores = score(customers * 2, model)
    assert scores[: len(customers)] == scores[len(customers) :]


@given(summaries(min_size=1), st.none() | models, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(customers, model, randoms):
    assume(any(customer.frequency for customer in customers))
    order = randoms.sample(range(len(customers)), len(customers))
    scores = score(customers, model)
    assert score([customers[i] for i in order], model) == [scores[i] for i in order]


@given(summaries(), models)
def test_scores_lie_between_one_and_five_and_their_sum_between_six_and_thirty(customers, model):
    for *scores, lead_score in score(customers, model):
        assert all(1 <= one <= 5 for one in scores)
        assert 6 <= lead_score <= 30


@given(summaries(), models)
@pytest.mark.parametrize("engine", ENGINES)
def test_lazy_equals_eager(engine, customers, model):
    frame = summary_frame(customers)
    lazy = rfm.score_frame(frame.lazy(), model)
    assert_frame_equal(lazy.collect(engine=engine), rfm.score_frame(frame, model))
    assert lazy.collect_schema() == rfm.score_frame(frame, model).schema


@given(summaries(min_size=1))
def test_without_a_model_quintiles_of_the_frame_are_used(customers):
    assume(any(customer.frequency for customer in customers))
    frame = summary_frame(customers)
    assert_frame_equal(rfm.score_frame(frame), rfm.score_frame(frame, rfm.fit(frame)))
    assert_frame_equal(rfm.score_frame(frame.lazy()).collect(), rfm.score_frame(frame))


@given(summaries(), models, models)
def test_scoring_again_replaces_the_scores_where_they_stand(customers, first, second):
    frame = summary_frame(customers)
    again = rfm.score_frame(rfm.score_frame(frame, first).with_columns(note=1), second)
    expected = rfm.score_frame(frame, second).with_columns(note=1)
    assert_frame_equal(again, expected)
