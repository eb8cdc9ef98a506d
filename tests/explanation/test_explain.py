"""The explanations of the core: against the scores themselves, under any model."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rfm
from rfm.explanation.structure import Explanation
from rfm.testing import models, orders

AS_OF = datetime(2026, 11, 1, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
core = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def explained(frame, model, as_of=AS_OF, **more):
    return rfm.explain(rfm.summarize_orders(frame, as_of=as_of), model, as_of=as_of, **more)


def score(recency, frequency, spend, model, dtype=None):
    summary = pl.DataFrame(
        {"recency_days": [recency], "frequency": [frequency], "monetary": [spend]},
        schema={
            "recency_days": pl.Int64,
            "frequency": pl.Int64,
            "monetary": dtype or pl.Decimal(38, 6),
        },
    )
    return rfm.score_frame(summary, model)["lead_score"].item()


@st.composite
def cases(draw):
    model = draw(models())
    return draw(orders(AS_OF, model)), model


@given(cases())
@core
def test_the_points_sum_to_the_lead_score_and_the_score_is_score_frames(case):
    frame, model = case
    summary = rfm.summarize_orders(frame, as_of=AS_OF)
    scored = rfm.score_frame(summary, model)["lead_score"].to_list()
    found = rfm.explain(summary, model, as_of=AS_OF)
    assert [one.lead_score for one in found] == scored
    for one in found:
        numbers = (one.numbers.recency, one.numbers.frequency, one.numbers.monetary)
        assert sum(each.points for each in numbers) == one.lead_score
        assert all(each.points == each.weight * each.score for each in numbers)


def brute_force(one, model):
    """Every number of orders up to the largest threshold, with each spend that a threshold needs."""
    numbers = one.numbers
    frequency, spend = numbers.frequency.value, numbers.monetary.value
    most = max([1, *(t - frequency for t in model.frequency)])
    spends = {Decimal(0), *(t - spend for t in numbers.monetary.thresholds if t > spend)}
    ways = [(n, s) for n in range(1, most + 1) for s in sorted(spends)]
    found: dict[int, tuple[int, Decimal]] = {}
    for n, s in ways:
        total = score(0, frequency + n, spend + s, model)
        if total > one.lead_score:
            found.setdefault(total, (n, s))
    return [(*cost, total) for total, cost in found.items()][:4]


@given(cases())
@core
def test_raises_are_the_cheapest_way_to_each_higher_score(case):
    frame, model = case
    for one in explained(frame, model)[:2]:
        found = [(r.orders, r.spend, r.lead_score) for r in one.raises]
        assert found == sorted(found)
        assert found == brute_force(one, model)
        for n, s, total in found:
            frequency, spend = one.numbers.frequency.value, one.numbers.monetary.value
            if n > 1:
                assert score(0, frequency + n - 1, spend + s, model) < total
            if s:
                assert score(0, frequency + n, spend + s - Decimal("0.01"), model) < total


@given(cases())
@core
def test_a_score_falls_at_each_fall_and_not_a_microsecond_before(case):
    frame, model = case

    for one in explained(frame, model, orders=frame)[:3]:
        before = one.lead_score
        for fall in one.falls:
            customer = pl.DataFrame({"customer_id": [one.customer_id]})
            a, b = (
                rfm.score_frame(
                    rfm.summarize_orders(frame, as_of=instant, customers=customer), model
                )["lead_score"].item()
                for instant in (fall.at - MICROSECOND, fall.at)
            )
            assert (a, b) == (before, fall.lead_score)
            before = b


@given(cases())
@core
def test_json_keeps_everything_and_fits_the_schema(case):
    jsonschema = pytest.importorskip("jsonschema")
    frame, model = case
    for one in explained(frame, model, orders=frame):
        found = json.loads(json.dumps(one.to_dict()))
        jsonschema.validate(found, rfm.explanation_schema())
        assert Explanation.from_dict(found) == one


@given(cases())
@core
def test_a_lazy_frame_gives_the_same(case):
    frame, model = case
    summary = rfm.summarize_orders(frame, as_of=AS_OF)
    eager = rfm.explain_frame(summary, model, as_of=AS_OF)
    lazy = rfm.explain_frame(summary.lazy(), model, as_of=AS_OF)
    assert lazy.collect_schema() == eager.schema
    assert lazy.collect(engine="streaming").sort("customer_id").equals(eager.sort("customer_id"))


def one_order(amount, dtype=None, model=rfm.PUBLISHED):
    frame = pl.DataFrame(
        {
            "customer_id": [7],
            "ordered_at": [AS_OF - timedelta(days=40)],
            "amount": pl.Series([amount], dtype=dtype),
        }
    )
    [one] = explained(frame, model)
    return one


@pytest.mark.parametrize(
    ("amount", "dtype", "model", "spends"),
    [
        (12, pl.Int64, rfm.PUBLISHED, ["0.00", "38.00", "188.00", "488.00"]),
        (12.9, pl.Float64, rfm.PUBLISHED, ["0.00", "37.10", "187.10", "487.10"]),
        (0.1 + 0.2, pl.Float64, rfm.PUBLISHED, ["0.00", "49.70", "199.70", "499.70"]),
        (float("nan"), pl.Float64, rfm.PUBLISHED, ["0.00", "50.00", "200.00", "500.00"]),
        (Decimal("12.345"), pl.Decimal(38, 3), rfm.PUBLISHED, ["0.00", "37.66", "187.66", "487.66"]),
        (Decimal("-3.10"), pl.Decimal(38, 2), rfm.PUBLISHED, ["0.00", "53.10", "203.10", "503.10"]),
        (Decimal("1.00"), pl.Decimal(38, 2), rfm.Model(monetary=[Decimal("1.125")]), ["0.00", "0.125"]),
        (Decimal("-3.00"), pl.Decimal(38, 2), rfm.Model(monetary=[-5, -4, 2]), ["0.00", "3.00", "5.00"]),
    ],
)  # fmt: skip
def test_the_spend_that_is_missing_is_exact(amount, dtype, model, spends):
    raises = one_order(amount, dtype, model).to_dict()["raises"]
    assert [r["spend"] for r in raises if r["orders"] == 1][: len(spends)] == spends


def test_a_customer_at_30_has_no_raises():
    frame = pl.DataFrame(
        {"customer_id": ["ada"] * 10, "ordered_at": [AS_OF] * 10, "amount": [100] * 10}
    )
    [one] = explained(frame, rfm.PUBLISHED)
    assert (one.lead_score, one.raises) == (30, ())
    assert [fall.lead_score for fall in one.falls] == [27, 24, 21, 18]


def test_a_million_orders_ahead_of_a_column_is_out_of_reach():
    model = rfm.Model(recency=[2**70], frequency=[1, 2**70], monetary=[Decimal("1e60")])
    one = one_order(1, model=model)
    assert one.raises == one.falls == ()
    assert one.numbers.frequency.next_threshold == 2**70


def test_notes_count_what_is_left_out():
    frame = pl.DataFrame(
        {
            "customer_id": ["ada"] * 4,
            "ordered_at": [AS_OF, AS_OF, AS_OF + timedelta(days=9), AS_OF + timedelta(days=8)],
            "amount": [1, 2, 3, 4],
            "status": [None, "REFUNDED", "paid", "paid"],
        }
    )
    [one] = explained(frame, rfm.PUBLISHED, orders=frame)
    assert [(n.kind, n.status, n.orders, n.since) for n in one.notes] == [
        ("uncounted_status", "refunded", 1, None),
        ("after_as_of", None, 2, AS_OF + timedelta(days=8)),
    ]
    assert one.falls == ()


def test_another_as_of_than_the_summarys_is_refused():
    frame = pl.DataFrame({"customer_id": [1], "ordered_at": [AS_OF], "amount": [1]})
    summary = rfm.summarize_orders(frame, as_of=AS_OF)
    with pytest.raises(rfm.InvalidFrame, match=r"1 customer with another recency_days .*: 1;"):
        rfm.explain(summary, rfm.PUBLISHED, as_of=AS_OF + timedelta(days=1))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"model": None}, rfm.InvalidModel),
        ({"as_of": "today"}, rfm.InvalidAsOf),
        ({"segment_map": "grid"}, rfm.InvalidSegmentMap),
        ({"summary": pl.DataFrame({"customer_id": [1]})}, rfm.InvalidFrame),
    ],
)
def test_an_argument_of_another_type_is_one_error(arguments, error):
    summary = rfm.summarize_orders(
        pl.DataFrame({"customer_id": [1], "ordered_at": [AS_OF], "amount": [1]}), as_of=AS_OF
    )
    with pytest.raises(error):
        rfm.explain_frame(
            **{"summary": summary, "model": rfm.PUBLISHED, "as_of": AS_OF} | arguments
        )


# ---------------------------------------------------------------- what moved

DAY = date(2026, 11, 1)


def ada(days, amounts, model=rfm.PUBLISHED, as_of=DAY):
    frame = pl.DataFrame(
        {"customer_id": ["ada"] * len(days), "ordered_at": days, "amount": amounts}
    )
    [one] = explained(frame, model, as_of)
    return one


OCTOBER, LATER = date(2026, 10, 1), date(2027, 1, 15)
ONCE = ada([OCTOBER], [80])
OTHER = rfm.Model(recency=(180, 90, 31, 2), weights=(2, 2, 2))


@pytest.mark.parametrize(
    ("before", "after", "causes"),
    [
        (ONCE, ONCE, {}),
        (ONCE, ada([OCTOBER], [80], as_of=LATER), {"recency": ("time",)}),
        (
            ONCE,
            ada([OCTOBER, LATER, LATER], [80, 60, 90], as_of=LATER),
            {"recency": ("order",), "frequency": ("order",), "monetary": ("order",)},
        ),
        (
            ONCE,
            ada([OCTOBER], [80], OTHER),
            {"recency": ("model",), "monetary": ("model",)},
        ),
        (
            ONCE,
            ada([OCTOBER], [80], OTHER, as_of=LATER),
            {"recency": ("time", "model"), "monetary": ("model",)},
        ),
    ],
)
def test_a_change_names_what_moved_and_why(before, after, causes):
    change = rfm.explain_change(before, after)
    assert {move.number: move.causes for move in change.moves} == causes
    moved = sum(move.points_after - move.points_before for move in change.moves)
    assert moved == after.lead_score - before.lead_score
    assert len(change.sentences()) == 1 + len(causes)
    json.dumps(change.to_dict())


def test_time_has_no_order_to_blame():
    sentence = rfm.explain_change(ONCE, ada([OCTOBER], [80], as_of=LATER)).sentences()[1]
    assert "no order is to blame" in sentence


def test_two_customers_are_no_change():
    with pytest.raises(rfm.RfmError, match="two customers, 'ada' and 7"):
        rfm.explain_change(ONCE, one_order(1))
