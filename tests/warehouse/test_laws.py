"""Whatever the orders and the model: an engine's scores are those of Polars."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import rfm
from rfm import warehouse
from rfm.testing import models
from tests.warehouse.engines import SPARK, fetch
from tests.warehouse.strategies import AS_OF, crowds

# few, with many histories each: writing a query costs Ibis more than running it costs an engine
EXAMPLES = [
    ("duckdb", 20, 12),
    ("postgres", 8, 12),
    pytest.param("spark", 2, 30, marks=SPARK),
]


@pytest.mark.parametrize(("name", "examples", "histories"), EXAMPLES)
def test_scores_and_fitted_models_are_those_of_polars(engines, name, examples, histories):
    engine = engines(name)

    @settings(max_examples=examples, deadline=None)
    @given(st.data())
    def law(data):
        model = data.draw(models())
        frame = data.draw(crowds(model, histories))
        summary = rfm.summarize_orders(frame, as_of=AS_OF)
        assume(summary["frequency"].sum())

        there = warehouse.summarize_orders(engine.load(frame), as_of=AS_OF)
        scores = fetch(warehouse.score_summary(there, model))
        assert_frame_equal(scores, rfm.score_frame(summary, model), check_row_order=False)
        assert warehouse.fit(there) == rfm.fit(summary)

    law()
