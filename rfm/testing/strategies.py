"""Hypothesis strategies for orders, summaries, models and segment maps."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
from hypothesis import strategies as st

from rfm.model import PUBLISHED, Model
from rfm.orders.rules import UNCOUNTED_STATUSES
from rfm.segments.maps import PROSPECT, Segment, SegmentMap
from rfm.segments.patterns import TRIPLES, Triple, patterns_of

DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)


def instants(as_of: datetime, model: Model = PUBLISHED) -> st.SearchStrategy[datetime]:
    """Draw times of orders: within two years, and within two microseconds of each threshold.

    >>> from hypothesis import given
    >>> @given(instants(datetime(2026, 11, 1, tzinfo=UTC)))
    ... def test_every_instant_has_a_zone(instant):
    ...     assert instant.tzinfo is UTC
    >>> test_every_instant_has_a_zone()
    """
    edges = [as_of, *(as_of - days * DAY for limit in model.recency for days in (limit, limit + 1))]
    near_an_edge = st.builds(
        lambda edge, microseconds: edge + microseconds * MICROSECOND,
        st.sampled_from(edges),
        st.integers(-2, 2),
    )
    return near_an_edge | st.datetimes(
        (as_of - 730 * DAY).replace(tzinfo=None),
        (as_of + 30 * DAY).replace(tzinfo=None),
        timezones=st.just(UTC),
    )


def cents(model: Model = PUBLISHED) -> st.SearchStrategy[int]:
    """Draw amounts in cents: usual ones, negative and huge ones, and one cent around thresholds.

    >>> from hypothesis import given
    >>> @given(cents())
    ... def test_an_amount_fits_a_bigint(amount):
    ...     assert -(2**63) <= amount < 2**63
    >>> test_an_amount_fits_a_bigint()
    """
    edges = [int(threshold * 100) for threshold in model.monetary]
    around = (
        st.builds(int.__add__, st.sampled_from(edges), st.integers(-1, 1))
        if edges
        else st.nothing()
    )
    return around | st.integers(-10_000, 200_000) | st.sampled_from([0, 2**63 - 1, -(2**63)])


def statuses() -> st.SearchStrategy[str | None]:
    """Draw statuses of orders: counted and uncounted ones in any case, unusual ones, and null.

    >>> from hypothesis import given
    >>> @given(statuses())
    ... def test_a_status_is_text_or_null(status):
    ...     assert status is None or isinstance(status, str)
    >>> test_a_status_is_text_or_null()
    """
    words = st.sampled_from([*UNCOUNTED_STATUSES, "paid", "completed", "", " void", "refunded "])
    return words | words.map(str.upper) | words.map(str.title) | st.none()


def orders(
    as_of: datetime, model: Model = PUBLISHED, max_size: int = 40
) -> st.SearchStrategy[pl.DataFrame]:
    """Draw frames of orders of up to six customers, for `rfm.summarize_orders`.

    Columns: `customer_id` (text), `ordered_at` (UTC or null), `amount` (exact decimal or null),
    `status` (text or null).

    >>> from hypothesis import given
    >>> from rfm import summarize_orders
    >>> as_of = datetime(2026, 11, 1, tzinfo=UTC)
    >>> @given(orders(as_of))
    ... def test_nobody_has_more_orders_than_there_are(frame):
    ...     assert summarize_orders(frame, as_of=as_of)["frequency"].sum() <= frame.height
    >>> test_nobody_has_more_orders_than_there_are()
    """
    row = st.tuples(
        st.sampled_from("abcdef"),
        instants(as_of, model) | st.none(),
        cents(model).map(lambda value: Decimal(value).scaleb(-2)) | st.none(),
        statuses(),
    )
    schema: dict[str, pl.DataType] = {
        "customer_id": pl.String(),
        "ordered_at": pl.Datetime("us", "UTC"),
        "amount": pl.Decimal(38, 2),
        "status": pl.String(),
    }
    return st.lists(row, max_size=max_size).map(
        lambda rows: pl.DataFrame(rows, schema=schema, orient="row")
    )


def summaries(max_size: int = 40) -> st.SearchStrategy[pl.DataFrame]:
    """Draw summaries, one row per customer, for `rfm.fit` and `rfm.score_frame`.

    Columns: `customer_id` (Int64), `recency_days` (Int64 or null), `frequency` (Int64), `monetary`
    (exact decimal).

    >>> from hypothesis import given
    >>> from rfm import PUBLISHED, score_frame
    >>> @given(summaries())
    ... def test_a_lead_score_lies_between_6_and_30(summary):
    ...     assert score_frame(summary, PUBLISHED)["lead_score"].is_between(6, 30).all()
    >>> test_a_lead_score_lies_between_6_and_30()
    """
    money = st.integers(-10_000, 200_000).map(lambda value: Decimal(value).scaleb(-2))
    ordered = st.tuples(st.integers(0, 400) | st.none(), st.integers(1, 20), money)
    never = st.just((None, 0, Decimal("0.00")))
    schema: dict[str, pl.DataType] = {
        "customer_id": pl.Int64(),
        "recency_days": pl.Int64(),
        "frequency": pl.Int64(),
        "monetary": pl.Decimal(38, 2),
    }
    return st.lists(ordered | never, max_size=max_size).map(
        lambda rows: pl.DataFrame(
            [(number, *row) for number, row in enumerate(rows)], schema=schema, orient="row"
        )
    )


def models() -> st.SearchStrategy[Model]:
    """Draw models: also with short or empty lists, with equal thresholds, with all weights.

    >>> from hypothesis import given
    >>> @given(models())
    ... def test_a_model_survives_json(model):
    ...     assert Model.from_json(model.to_json()) == model
    >>> test_a_model_survives_json()
    """
    money = st.integers(-1_000, 200_000).map(lambda value: Decimal(value).scaleb(-2))
    weights = [(a, b, 6 - a - b) for a in range(1, 5) for b in range(1, 6 - a)]
    return st.builds(
        Model,
        recency=st.lists(st.integers(0, 400), max_size=4).map(lambda x: sorted(x, reverse=True)),
        frequency=st.lists(st.integers(0, 20), max_size=4).map(sorted),
        monetary=st.lists(money, max_size=4).map(sorted),
        weights=st.sampled_from(weights),
    )


def segment_maps() -> st.SearchStrategy[SegmentMap]:
    """Draw segment maps of up to eight segments besides `prospect`, in any division of the triples.

    >>> from hypothesis import given
    >>> @given(segment_maps())
    ... def test_a_segment_map_survives_json(segment_map):
    ...     assert SegmentMap.from_json(segment_map.to_json()) == segment_map
    >>> test_a_segment_map_survives_json()
    """
    # a number for each triple; drawn one by one, they would be too many for Hypothesis
    owners = st.builds(
        lambda random, most: random.choices(range(1, most + 1), k=len(TRIPLES)),
        st.randoms(use_true_random=False),
        st.integers(1, 8),
    )
    return st.builds(_segment_map, owners, st.integers(0, 8))


def _segment_map(owners: list[int], place: int) -> SegmentMap:
    triples: dict[int, list[Triple]] = {}
    for triple, owner in zip(TRIPLES, owners, strict=True):
        triples.setdefault(owner, []).append(triple)
    segments = [
        Segment(f"segment_{owner}", f"Segment {owner}", "They're drawn.", patterns_of(found))
        for owner, found in triples.items()
    ]
    return SegmentMap([*segments[:place], PROSPECT, *segments[place:]])
