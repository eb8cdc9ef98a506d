from itertools import product

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import rfm
from rfm.segments.names import SEGMENTS

# rows: recency 5 to 1, columns: frequency 1 to 5
GRID = """
    New Customers | Potential Loyalists | Potential Loyalists | Champions | Champions
    Promising | Potential Loyalists | Potential Loyalists | Loyal Customers | Loyal Customers
    About To Sleep | About To Sleep | Need Attention | Loyal Customers | Loyal Customers
    Hibernating | Hibernating | At Risk | At Risk | Cannot Lose Them
    Hibernating | Hibernating | At Risk | At Risk | Cannot Lose Them
"""


def segment(recency, frequency):
    scores = pl.DataFrame({"rfm_recency": recency, "rfm_frequency": frequency})
    return scores.select(rfm.segment())["segment"]


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


def test_every_pair_of_scores_has_the_segment_of_the_grid():
    cells = [cell.strip() for line in GRID.strip().splitlines() for cell in line.split("|")]
    pairs = list(product([5, 4, 3, 2, 1], [1, 2, 3, 4, 5]))
    assert segment(*zip(*pairs, strict=True)).to_list() == cells


def test_segments_do_not_overlap():
    pairs = [pair for scores in SEGMENTS.values() for pair in product(*scores)]
    assert sorted(pairs) == list(product(range(1, 6), repeat=2))


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
    assert found.to_list() == [None, "Champions", None]


@pytest.mark.parametrize("name", ["lead_category", "segment"])
def test_text_is_refused_and_not_taken_for_numbers(name):
    scores = pl.DataFrame({"lead_score": ["30"], "rfm_recency": ["5"], "rfm_frequency": ["5"]})
    with pytest.raises(pl.exceptions.PolarsError):
        scores.select(getattr(rfm, name)())


def test_columns_of_nothing_but_nulls_have_neither_category_nor_segment():
    scores = pl.DataFrame({"lead_score": [None], "rfm_recency": [None], "rfm_frequency": [None]})
    assert scores.select(rfm.lead_category(), rfm.segment()).row(0) == (None, None)


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_scored_frames_take_both_lazy_or_not(engine):
    summary = pl.DataFrame({"recency_days": [1, 99], "frequency": [9, 1], "monetary": [900, 5]})
    scored = rfm.score_frame(summary, rfm.PUBLISHED).with_columns(
        rfm.lead_category(), rfm.segment()
    )
    assert scored.select("lead_category", "segment").rows() == [
        ("Hot", "Champions"),
        ("Cold", "Hibernating"),
    ]
    lazy = rfm.score_frame(summary.lazy(), rfm.PUBLISHED)
    lazy = lazy.with_columns(rfm.lead_category(), rfm.segment())
    assert_frame_equal(lazy.collect(engine=engine), scored)
