"""Tables of orders, of summaries and of scores."""

from datetime import timedelta

import ibis
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import rfm
from rfm import warehouse
from tests.warehouse.engines import SPARK, fetch
from tests.warehouse.strategies import AS_OF
from tests.warehouse.support import DAY, INSTANTS, each_their_own, one_customer, same_as_polars


def test_columns_may_have_other_names(engine):
    names = {"customer_id": "buyer", "ordered_at": "at", "amount": "paid", "status": "state"}
    frame = pl.DataFrame(
        {"buyer": ["a", "b"], "at": [AS_OF] * 2, "paid": [50, 60], "state": ["ok", "VOID"]}
    )
    scores = same_as_polars(engine, frame, **names)
    assert scores.columns[0] == "customer_id"
    assert scores["lead_score"].to_list() == [3 * 5 + 2 * 2 + 2, 6]


def test_a_table_without_orders_has_no_scores_and_no_model(engine):
    frame = one_customer([AS_OF]).clear()
    assert same_as_polars(engine, frame).is_empty()
    with pytest.raises(rfm.EmptyFit, match=r"^0 customers have a counted order .*; summarize more"):
        warehouse.score_orders(engine.load(frame), as_of=AS_OF)


def test_without_a_model_quintiles_are_fitted(engine):
    ages = [timedelta(days=n * n) for n in range(40)]
    frame = each_their_own(ordered_at=[AS_OF - age for age in ages], amount=range(40))
    same_as_polars(engine, frame, model=None)


def test_a_summary_can_be_kept_and_its_scores_replaced_where_they_stand(engine):
    frame = each_their_own(ordered_at=[AS_OF - n * n * DAY for n in range(20)], amount=range(20))
    kept = warehouse.summarize_orders(engine.load(frame), as_of=AS_OF).cache()
    summary = rfm.summarize_orders(frame, as_of=AS_OF)
    assert warehouse.fit(kept) == rfm.fit(summary)
    first = warehouse.score_summary(kept, rfm.PUBLISHED).mutate(note=ibis.literal("x"))
    again = warehouse.score_summary(first)
    expected = rfm.score_frame(
        rfm.score_frame(summary, rfm.PUBLISHED).with_columns(note=pl.lit("x"))
    )
    assert_frame_equal(fetch(again), expected, check_row_order=False)


def test_scores_are_computed_when_they_are_asked_for(engines):
    engine = engines("duckdb")
    table = engine.load(one_customer([AS_OF]))
    scores = warehouse.score_orders(table, as_of=AS_OF, model=rfm.PUBLISHED)
    engine.run(f"delete from {table.get_name()}")
    assert fetch(scores).is_empty()


@pytest.mark.parametrize("name", [pytest.param("spark", marks=SPARK)])
def test_spark_without_ansi_mode_scores_alike(engines, name):
    engine = engines(name)
    engine.run("set spark.sql.ansi.enabled = false")
    same_as_polars(engine, each_their_own(ordered_at=INSTANTS, amount=1))
    engine.run("set spark.sql.ansi.enabled = true")
