"""Whatever the segment map: Polars, the database and the warehouse find the same segments."""

import polars as pl
import pytest
from hypothesis import given, settings
from polars.testing import assert_frame_equal

import rfm
from rfm import db
from rfm.testing import segment_maps
from tests.support import run


def in_polars(frame, segment_map):
    return frame.select("customer_id", rfm.segment(segment_map)).sort("customer_id")


def activate(engine, segment_map):
    number = db.store_segment_map(engine, segment_map)
    db.activate_segment_map(engine, number, allow_dead_segments=True)
    return number


@settings(max_examples=15, deadline=None)
@given(segment_map=segment_maps())
def test_the_database_finds_the_segments_of_polars(everybody, segment_map):
    number = activate(everybody.engine, segment_map)
    assert db.stored_segment_map(everybody.engine, number) == segment_map
    expected = in_polars(everybody.frame, segment_map)
    found = db.customer_segments(everybody.engine).sort("customer_id")
    assert_frame_equal(found, expected)
    assert found["segment"].null_count() == 2


@settings(max_examples=5, deadline=None)
@given(segment_map=segment_maps())
def test_a_segment_is_searched_as_it_is_read(everybody, segment_map):
    activate(everybody.engine, segment_map)
    expected = in_polars(everybody.frame, segment_map).drop_nulls().cast(pl.String)
    for key in [*segment_map.keys, "nobody"]:
        searched = run(
            everybody.engine,
            f"select customer_id::text from customer_segments where segment = '{key}'",
        )
        best = run(
            everybody.engine,
            f"select customer_id::text, lead_score from customers_of_segment('{key}', 200)",
        )
        wanted = set(expected.filter(pl.col("segment") == key)["customer_id"])
        assert {one for (one,) in searched} == {one for one, _ in best} == wanted
        assert [score for _, score in best] == sorted((score for _, score in best), reverse=True)
        some = run(everybody.engine, f"select lead_score from customers_of_segment('{key}', 3)")
        assert [score for (score,) in some] == [score for _, score in best][:3]


@pytest.mark.parametrize("name", ["duckdb", "postgres"])
def test_the_warehouse_finds_the_segments_of_polars(engines, everybody, name):
    from rfm import warehouse  # noqa: PLC0415 - Ibis takes a second to load
    from tests.warehouse.engines import fetch  # noqa: PLC0415

    table = engines(name).load(everybody.frame)

    @settings(max_examples=5, deadline=None)
    @given(segment_map=segment_maps())
    def law(segment_map):
        found = fetch(warehouse.segment(table, segment_map)).select("customer_id", "segment")
        expected = in_polars(everybody.frame, segment_map).cast(pl.String)
        assert_frame_equal(found.sort("customer_id"), expected)

    law()
