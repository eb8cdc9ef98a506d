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
    ("duckdb", 20),
    ("postgres", 8),
    pytest.param("spark", 3, marks=SPARK),
]


@pytest.mark.parametrize(("name", "examples"), EXAMPLES)
def test_scores_and_fitted_models_are_those_of_polars(engines, name, examples):
    engine = engines(name)

    @settings(max_examples=examples, deadline=None)
    @given(st.data())
    def law(data):
        model = data.draw(models())
        frame = data.draw(crowds(model))
        summary = rfm.summarize_orders(frame, as_of=AS_OF)
        assume(summary["frequency"].sum())
        table = engine.load(frame)

        scores = fetch(warehouse.score_orders(table, as_of=AS_OF, model=model))
        assert_frame_equal(scores, rfm.score_frame(summary, model), check_row_order=False)

        fitted = warehouse.fit(warehouse.summarize_orders(table, as_of=AS_OF))
        assert fitted == rfm.fit(summary)

    law()
