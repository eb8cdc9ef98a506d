from decimal import Decimal

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from polars.io.plugins import register_io_source

import rfm
from tests.core import reference
from tests.core.reference import Summary
from tests.core.strategies import money, summaries, summary_frame

somebody = summaries(min_size=1).filter(lambda rows: any(row.frequency for row in rows))
FLOATS = pl.Float64


@given(somebody)
def test_thresholds_are_those_of_plain_python(customers):
    assert rfm.fit(summary_frame(customers)) == reference.fit(customers)


@given(summaries(st.floats(), min_size=1))
def test_float_thresholds_are_those_of_plain_python(customers):
    assume(any(customer.frequency for customer in customers))
    model = rfm.fit(summary_frame(customers, FLOATS))
    assert list(map(float, model.monetary)) == list(map(float, reference.fit(customers).monetary))


@given(somebody, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(customers, randoms):
    shuffled = randoms.sample(customers, len(customers))
    assert rfm.fit(summary_frame(customers)) == rfm.fit(summary_frame(shuffled))


@given(somebody, st.integers(2, 6))
def test_a_crowd_of_equals_moves_no_threshold(customers, times):
    assert rfm.fit(summary_frame(customers * times)) == rfm.fit(summary_frame(customers))


@given(somebody)
def test_customers_without_a_counted_order_move_no_threshold(customers):
    others = [Summary(1, 0, Decimal(9)), Summary(None, 0, Decimal(0))]
    assert rfm.fit(summary_frame(customers + others)) == rfm.fit(summary_frame(customers))


@given(somebody)
def test_lazy_equals_eager(customers):
    assert rfm.fit(summary_frame(customers).lazy()) == rfm.fit(summary_frame(customers))


@given(somebody)
def test_a_shift_in_spend_shifts_its_thresholds(customers):
    frame = summary_frame(customers)
    shifted = frame.with_columns(pl.col("monetary") + pl.lit(7))
    assert rfm.fit(shifted).monetary == tuple(least + 7 for least in rfm.fit(frame).monetary)


@given(st.sets(money, min_size=1))
def test_customers_who_all_differ_split_into_even_fifths(spends):
    size = len(spends)
    frame = summary_frame([Summary(0, 1, spend - min(spends)) for spend in spends])
    scores = rfm.score_frame(frame)["rfm_monetary"].sort().cast(pl.Int32).to_list()
    assert scores == [1 + 5 * rank // size for rank in range(size)]


@given(summaries(st.floats(0, allow_infinity=False), min_size=1))
def test_a_threshold_found_in_floats_is_met_by_the_float_it_came_from(customers):
    assume(any(customer.frequency for customer in customers))
    frame = summary_frame(customers, FLOATS)
    model = rfm.fit(frame)
    scored = rfm.score_frame(frame, model).filter(pl.col("frequency") > 0)
    for position, least in enumerate(model.monetary, start=2):
        found = scored.filter(pl.col("monetary") == float(least))
        assert not found.is_empty()
        assert found["rfm_monetary"].min() >= position


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_customers_who_are_all_equal_get_no_threshold_and_the_score_one(size):
    frame = summary_frame([Summary(3, 2, Decimal(5))] * size)
    assert rfm.fit(frame) == rfm.Model([], [], [])
    assert rfm.score_frame(frame)["lead_score"].unique().to_list() == [6]


def test_a_null_is_the_worst_value_and_no_threshold():
    rows = [Summary(None, 1, None), Summary(9, 1, Decimal(1)), Summary(4, 1, Decimal(2))]
    # three customers: P_1 is the first, P_2 and P_3 the second, P_4 the third
    assert rfm.fit(summary_frame(rows)) == rfm.Model((9, 4, 4), (), (1, 2, 2))


def test_without_a_single_value_there_is_no_threshold():
    assert rfm.fit(summary_frame([Summary(None, 1, None)] * 3)) == rfm.Model((), (), ())


@pytest.mark.parametrize(
    "dtype", [pl.Int8, pl.UInt64, pl.Decimal(9, 3), pl.Decimal(38, 0), pl.Float32]
)
def test_spend_may_be_any_number(dtype):
    frame = pl.DataFrame({"recency_days": 1, "frequency": 1, "monetary": [1, 2, 3, 4, 5]})
    model = rfm.fit(frame.with_columns(pl.col("monetary").cast(dtype)))
    assert model == rfm.Model((), (), (2, 3, 4, 5))


def test_only_three_columns_of_a_lazy_frame_are_read():
    frame = summary_frame([Summary(1, 1, Decimal(1))]).with_columns(customer_id=1, email=pl.lit(""))
    read = []

    def source(columns, *_):
        read.append(columns)
        yield frame.select(columns or frame.columns)

    rfm.fit(register_io_source(source, schema=frame.schema))
    assert [sorted(columns) for columns in read] == [["frequency", "monetary", "recency_days"]]


@pytest.mark.parametrize("rows", [[], [Summary(None, 0, Decimal(0))], [Summary(1, None, None)]])
def test_nobody_with_a_counted_order_is_an_error(rows):
    with pytest.raises(rfm.EmptyFit, match=r"^0 customers have a counted order .*; summarize more"):
        rfm.fit(summary_frame(rows))


def test_recency_below_zero_is_an_error():
    rows = [Summary(-1, 1, Decimal(0)), Summary(-9, 0, Decimal(0)), Summary(-2, 1, Decimal(0))]
    with pytest.raises(
        rfm.InvalidFrame, match=r"^2 rows of summary with recency_days below 0; sum"
    ):
        rfm.fit(summary_frame(rows))


def test_a_frame_must_be_a_summary():
    with pytest.raises(
        rfm.InvalidFrame, match=r"3 columns missing from summary: .*summarize_orders"
    ):
        rfm.fit(pl.DataFrame({"id": [1]}))


def test_repeated_customers_are_an_error():
    frame = summary_frame([Summary(1, 1, Decimal(1))] * 2).with_columns(customer_id=7)
    with pytest.raises(
        rfm.InvalidFrame, match=r"1 customer on more than one row of summary: 7; keep"
    ):
        rfm.fit(frame)


@pytest.mark.parametrize("kind", [pl.DataFrame.lazy, pl.DataFrame.clone])
def test_fewer_customers_than_asked_for_are_an_error(kind):
    rows = [Summary(1, 1, Decimal(1)), Summary(2, 1, Decimal(2)), Summary(None, 0, Decimal(0))]
    summary = kind(summary_frame(rows))
    assert rfm.fit(summary, min_customers=2) == rfm.fit(summary)
    with pytest.raises(rfm.TooFewCustomers, match=r"^2 customers have .* on 3 or more; pass"):
        rfm.fit(summary, min_customers=3)


def test_nobody_with_a_counted_order_is_an_empty_fit_whatever_was_asked_for():
    with pytest.raises(rfm.EmptyFit):
        rfm.fit(summary_frame([]), min_customers=500)
