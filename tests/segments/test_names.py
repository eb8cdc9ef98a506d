from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from polars.testing import assert_frame_equal

import rfm
from rfm.segments.patterns import TRIPLES
from rfm.testing import segment_maps

COLUMNS = ["lead_score", "rfm_recency", "rfm_frequency", "rfm_monetary", "frequency"]


def segment(recency, frequency, monetary=3, orders=9, segment_map=rfm.GRID):
    scores = pl.DataFrame({"rfm_recency": recency, "rfm_frequency": frequency})
    scores = scores.with_columns(rfm_monetary=pl.lit(monetary), frequency=pl.lit(orders))
    return scores.select(rfm.segment(segment_map))["segment"]


@pytest.mark.parametrize(
    ("lead_score", "category"),
    [
        (None, None),
        (-1, None),
        (0, None),
        (5, None),
        (6, "Cold"),
        (11, "Cold"),
        (12, "Cool"),
        (17, "Cool"),
        (18, "Warm"),
        (23, "Warm"),
        (24, "Hot"),
        (30, "Hot"),
        (31, None),
    ],
)
@pytest.mark.parametrize("dtype", [pl.Int8, pl.Int32, pl.Int64])
def test_categories_on_both_sides_of_every_boundary(lead_score, category, dtype):
    scores = pl.DataFrame({"lead_score": pl.Series([lead_score], dtype=dtype)})
    found = scores.select(rfm.lead_category())["lead_category"]
    assert found.dtype == pl.Enum(["Cold", "Cool", "Warm", "Hot"])
    assert found.item() == category


def test_categories_sort_from_cold_to_hot():
    scores = pl.DataFrame({"lead_score": [30, 6, 20, 13]}).with_columns(rfm.lead_category())
    assert scores.sort("lead_category")["lead_score"].to_list() == [6, 13, 20, 30]


@given(segment_maps())
def test_each_triple_has_the_segment_of_the_map(segment_map):
    columns = zip(*TRIPLES, strict=True)
    names = ["rfm_recency", "rfm_frequency", "rfm_monetary"]
    scores = pl.DataFrame(dict(zip(names, columns, strict=True))).with_columns(frequency=1)
    found = scores.select(rfm.segment(segment_map))["segment"]
    assert found.to_list() == list(segment_map.by_triple.values())
    assert found.dtype == pl.Enum(segment_map.keys)
    none = scores.with_columns(frequency=0).select(rfm.segment(segment_map))["segment"]
    assert none.unique().to_list() == ["prospect"]


@pytest.mark.parametrize(
    ("orders", "found"),
    [
        (0, "prospect"), (None, "prospect"), (-1, "prospect"), (0.5, "prospect"),
        (float("nan"), "prospect"), (float("inf"), "prospect"), (Decimal(0), "prospect"),
        (1, "hibernating"), (1.0, "hibernating"), (Decimal(1), "hibernating"), (2**62, "hibernating"),
    ],
)  # fmt: skip
def test_a_prospect_is_who_has_no_order_and_not_who_has_the_lowest_scores(orders, found):
    assert segment([1], [1], 1, orders).to_list() == [found]


def test_who_is_not_scored_is_no_prospect():
    assert segment([0, None], [0, None], 0, 0).to_list() == [None, None]


def test_what_is_no_segment_map_is_refused():
    with pytest.raises(
        rfm.InvalidSegmentMap, match=r"segment_map is a dict, not an rfm.SegmentMap"
    ):
        segment(5, 5, segment_map={"champions": "5-5-5"})


@pytest.mark.parametrize(
    ("recency", "frequency"),
    [(None, 1), (1, None), (0, 0), (0, 15), (5, 0), (6, 1), (1, 6), (5, -5), (2**31 - 1, 5)],
)
def test_customers_without_scores_have_no_segment(recency, frequency):
    assert segment([recency], [frequency]).to_list() == [None]


@pytest.mark.parametrize("dtype", [pl.Float32, pl.Float64, pl.Decimal(4, 2)])
def test_a_fraction_is_not_a_score_and_is_not_cut_off(dtype):
    scores = pl.DataFrame({"lead_score": pl.Series([23.75, 24, None]).cast(dtype)})
    named = scores.with_columns(rfm.lead_category(), rfm_recency="lead_score", rfm_frequency=5)
    assert named["lead_category"].to_list() == [None, "Hot", None]
    found = segment(pl.Series([4.5, 5.0, float("inf")]).cast(pl.Float64), [5, 5, 5])
    assert found.to_list() == [None, "champions", None]


@pytest.mark.parametrize("name", ["lead_category", "segment"])
def test_text_is_refused_and_not_taken_for_numbers(name):
    scores = pl.DataFrame({column: ["5"] for column in COLUMNS})
    with pytest.raises(pl.exceptions.PolarsError):
        scores.select(getattr(rfm, name)())


def test_columns_of_nothing_but_nulls_have_neither_category_nor_segment():
    scores = pl.DataFrame({column: [None] for column in COLUMNS})
    assert scores.select(rfm.lead_category(), rfm.segment()).row(0) == (None, None)


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_scored_frames_take_both_lazy_or_not(engine):
    summary = pl.DataFrame({"recency_days": [1, 99], "frequency": [9, 1], "monetary": [900, 5]})
    scored = rfm.score_frame(summary, rfm.PUBLISHED).with_columns(
        rfm.lead_category(), rfm.segment()
    )
    assert scored.select("lead_category", "segment").rows() == [
        ("Hot", "champions"),
        ("Cold", "hibernating"),
    ]
    lazy = rfm.score_frame(summary.lazy(), rfm.PUBLISHED)
    lazy = lazy.with_columns(rfm.lead_category(), rfm.segment())
    assert_frame_equal(lazy.collect(engine=engine), scored)
