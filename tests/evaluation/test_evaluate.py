"""What an evaluation finds: known figures, laws, and no look ahead."""

import json
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import rfm
from rfm.demo.cdnow import read_cdnow
from rfm.errors import EmptyFit, InvalidHorizon
from rfm.evaluation.result import FRAMES

DAY = date(2025, 6, 1)


@pytest.fixture(scope="module")
def cdnow():
    return read_cdnow(date(1998, 6, 30)).rename({"customer": "customer_id"})


@pytest.fixture(scope="module")
def published(cdnow):
    return rfm.evaluate(cdnow, as_of=date(1998, 1, 1), horizon="180d", model=rfm.PUBLISHED)


def shop(rows):
    schema = {"customer_id": pl.Int64, "ordered_at": pl.Date, "amount": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def a_random_shop(seed, customers=60):
    chance = random.Random(seed)
    return shop(
        [
            (customer, DAY + timedelta(days=chance.randint(-200, 120)), chance.randint(1, 900))
            for customer in range(customers)
            for _ in range(chance.randint(1, 6))
        ]
    )


# ---------------------------------------------------------------- known figures


def test_cdnow_as_of_1998_the_published_thresholds_lose_to_raw_recency(published):
    area = {row["predictor"]: row["auc"] for row in published.auc.to_dicts()}
    assert area["lead_score"] == pytest.approx(0.7895, abs=5e-5)
    assert area["recency"] == pytest.approx(0.7958, abs=5e-5)
    assert published.verdict.startswith("The lead score is no better than raw recency alone: ")
    assert "0.790" in published.verdict
    assert "0.796" in published.verdict


def test_cdnow_outcomes_are_those_of_a_plain_count(cdnow, published):
    instant = datetime(1998, 1, 1, tzinfo=UTC)
    before = cdnow.filter(pl.col("ordered_at") <= instant)
    window = cdnow.filter(
        (pl.col("ordered_at") > instant)
        & (pl.col("ordered_at") <= instant + timedelta(days=180))
        & pl.col("customer_id").is_in(before["customer_id"].unique().implode())
    )
    assert published.outcomes["customers"].sum() == before["customer_id"].n_unique()
    assert published.outcomes["buyers"].sum() == window["customer_id"].n_unique()
    assert published.outcomes["revenue"].sum() == window["amount"].sum()


def test_fitted_thresholds_beat_recency_on_cdnow(cdnow):
    found = rfm.evaluate(cdnow, as_of=[date(1997, 9, 1), date(1998, 1, 1)], horizon="180d")
    assert found.verdict.startswith("The lead score tells better than raw recency alone who buys: ")
    assert len(set(found.models.values())) == 2


def test_an_instant_without_both_kinds_of_customers_has_no_area():
    orders = shop([(1, date(2025, 5, 1), 5), (2, date(2025, 5, 2), 5), (3, date(2025, 9, 1), 5)])
    found = rfm.evaluate(orders, as_of=DAY, horizon="30d", model=rfm.PUBLISHED)
    assert found.auc["auc"].to_list() == [None] * 5
    assert set(found.by_category["lift"]) == {None}
    assert found.verdict.startswith("Nothing can be said: ")


# ---------------------------------------------------------------- who, and when


def test_the_window_begins_after_as_of_and_holds_its_end():
    instant = datetime(2025, 6, 1, tzinfo=UTC)
    second = timedelta(microseconds=1)
    end = instant + timedelta(days=10)
    times = {1: instant, 2: instant + second, 3: end, 4: end + second}
    rows = [(who, instant - timedelta(days=1), 1) for who in times]
    rows += [(who, moment, 1) for who, moment in times.items()]
    orders = pl.DataFrame(rows, schema=["customer_id", "ordered_at", "amount"], orient="row")
    found = rfm.evaluate(orders, as_of=instant, horizon=timedelta(days=10), model=rfm.PUBLISHED)
    assert found.outcomes.select("customers", "buyers").sum().row(0) == (4, 2)


def test_customers_are_those_with_a_row_before_whether_it_counts_or_not():
    orders = pl.DataFrame(
        {
            "customer_id": ["refunded", "later", "known", "known"],
            "ordered_at": [date(2025, 5, 1), date(2025, 6, 5), date(2025, 5, 1), date(2025, 6, 9)],
            "amount": [5, 5, 5, 5],
            "status": ["refunded", "paid", None, "void"],
        }
    )
    found = rfm.evaluate(orders, as_of=DAY, horizon="4d", model=rfm.PUBLISHED)
    assert found.outcomes.select("customers", "buyers").sum().row(0) == (2, 0)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([None, rfm.PUBLISHED]))
def test_what_happens_after_as_of_changes_no_score(seed, model):
    orders = a_random_shop(seed)
    later = pl.col("ordered_at") > DAY
    chance = random.Random(seed)
    changed = orders.with_columns(
        pl.when(later).then(pl.col("amount") * chance.randint(2, 9)).otherwise("amount"),
        pl.when(later)
        .then(pl.col("customer_id").shuffle(seed=seed))
        .otherwise("customer_id")
        .alias("customer_id"),
    )
    changed = pl.concat([changed, shop([(1, date(2026, 1, 1), 10**6)])])
    scores = [
        rfm.evaluate(one, as_of=DAY, horizon="30d", model=model)
        for one in (pl.concat([orders, shop([(2, date(2026, 1, 1), 1)])]), changed)
    ]
    one, other = (found.outcomes.select("lead_score", "customers") for found in scores)
    assert_frame_equal(one, other)
    assert scores[0].models == scores[1].models


@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_several_instants_are_each_instant_alone(seed):
    orders = a_random_shop(seed)
    days = [DAY, DAY - timedelta(days=40)]
    together = rfm.evaluate(orders, as_of=days, horizon="20d")
    apart = [rfm.evaluate(orders, as_of=day, horizon="20d") for day in sorted(days)]
    for name in ("outcomes", "by_category", "auc", "differences", "gains", "calibration"):
        frames = pl.concat(getattr(one, name) for one in apart)
        assert_frame_equal(getattr(together, name), frames)


# ---------------------------------------------------------------- laws of the tables


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_the_tables_agree_with_each_other(seed):
    found = rfm.evaluate(a_random_shop(seed), as_of=DAY, horizon="60d", model=rfm.PUBLISHED)
    totals = found.outcomes.select("customers", "buyers", "revenue").sum()
    assert_frame_equal(found.by_category.select("customers", "buyers", "revenue").sum(), totals)
    assert found.gains["share_of_buyers"].to_list()[-1] == pytest.approx(1)
    assert found.gains["share_of_buyers"].is_sorted()
    assert found.calibration["fitted"].is_sorted()
    fitted = (found.calibration["fitted"] * found.calibration["customers"]).sum()
    assert fitted == pytest.approx(totals["buyers"][0])
    assert found.stability["psi"].to_list() == [0]


def test_a_tenth_that_ends_within_a_score_has_its_part_of_the_buyers():
    rows = [(who, date(2025, 5, 1), 5) for who in range(10)]
    rows += [(who, date(2025, 6, 2), 7) for who in range(3)]
    found = rfm.evaluate(shop(rows), as_of=DAY, horizon="1d", model=rfm.PUBLISHED)
    assert found.gains["share_of_buyers"].to_list() == pytest.approx(
        [tenth / 10 for tenth in range(1, 11)]
    )


def test_a_moved_distribution_has_a_stability_index():
    then = [(who, date(2025, 1, 1), 5) for who in range(50)]
    now = [(who, date(2025, 6, 1), 500) for who in range(50)]
    end = [(1, date(2025, 9, 1), 1)]
    found = rfm.evaluate(
        shop(then + now + end),
        as_of=[date(2025, 1, 2), date(2025, 6, 2)],
        horizon="7d",
        model=rfm.PUBLISHED,
    )
    first, second = found.stability["psi"]
    assert first == 0
    assert second > 0.25


def test_everything_is_json(published):
    told = json.loads(json.dumps(published.to_dict()))
    assert told["horizon_days"] == 180
    assert told["verdict"] == published.verdict
    assert [name for name in told if name in FRAMES] == list(FRAMES)
    assert told["outcomes"][0] == {
        "as_of": "1998-01-01T00:00:00+00:00",
        "lead_score": 8,
        "customers": 12547,
        "buyers": 1086,
        "revenue": "43338.11",
    }
    assert told["models"] == {
        "1998-01-01T00:00:00+00:00": {
            "recency": [180, 90, 60, 30],
            "frequency": [1, 3, 5, 10],
            "weights": [3, 2, 1],
            "monetary": ["50", "200", "500", "1000"],
        }
    }


def test_other_names_and_lazy_frames_give_the_same(cdnow, published):
    named = cdnow.lazy().rename({"customer_id": "buyer", "ordered_at": "day", "amount": "paid"})
    found = rfm.evaluate(
        named,
        as_of=[datetime(1998, 1, 1)],
        horizon=timedelta(days=180),
        model=rfm.PUBLISHED,
        customer_id="buyer",
        ordered_at="day",
        amount="paid",
    )
    assert found.to_dict() == published.to_dict()


# ---------------------------------------------------------------- what is refused


ORDERS = shop([(1, date(2025, 5, 1), 5), (2, date(2025, 7, 1), 5)])


@pytest.mark.parametrize(
    ("as_of", "horizon", "says"),
    [
        (DAY, "180d", "a horizon of at most 30 days would do, or an as_of up to 2025-01-02"),
        (date(2025, 7, 1), "1d", "; an as_of up to 2025-06-30 would do"),
        ([DAY, date(2026, 1, 1)], "9d", "1 instant with a `horizon` that ends after"),
        (DAY, "six months", "text such as '180d'"),
        (DAY, 180, "pass a timedelta"),
        (DAY, timedelta(0), "longer than 0"),
        ([], "9d", "0 instants"),
    ],
)
def test_a_horizon_that_is_not_covered_is_refused_with_one_that_is(as_of, horizon, says):
    with pytest.raises(InvalidHorizon) as refused:
        rfm.evaluate(ORDERS, as_of=as_of, horizon=horizon, model=rfm.PUBLISHED)
    assert says in str(refused.value)


def test_orders_without_a_time_cover_nothing():
    with pytest.raises(InvalidHorizon, match="0 orders have a time"):
        rfm.evaluate(shop([(1, None, 5)]), as_of=DAY, horizon="1d")


def test_a_fit_on_nobody_is_refused():
    with pytest.raises(EmptyFit):
        rfm.evaluate(ORDERS, as_of=date(2025, 1, 1), horizon="1d")


def test_bad_orders_and_instants_are_refused_as_summarize_orders_does():
    with pytest.raises(rfm.InvalidFrame, match="'amount'"):
        rfm.evaluate(ORDERS.drop("amount"), as_of=DAY, horizon="1d")
    wrong: Any = "published"
    with pytest.raises(rfm.InvalidAsOf):
        rfm.evaluate(ORDERS, as_of=wrong, horizon="1d")
    with pytest.raises(rfm.InvalidModel):
        rfm.evaluate(ORDERS, as_of=DAY, horizon="1d", model=wrong)


def test_money_stays_exact():
    orders = ORDERS.with_columns(amount=pl.lit(Decimal("0.10")))
    later = orders.with_columns(pl.lit(1, pl.Int64).alias("customer_id"))
    found = rfm.evaluate(pl.concat([orders, later]), as_of=DAY, horizon="30d")
    assert found.outcomes["revenue"].to_list() == [Decimal("0.10")]
