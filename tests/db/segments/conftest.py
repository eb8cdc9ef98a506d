"""A database whose customers have every triple of scores, once for the module."""

from typing import Any, NamedTuple

import polars as pl
import pytest

from rfm import db
from rfm.segments.patterns import TRIPLES
from rfm.testing import temporary_database
from tests.support import create_base_tables, past_triggers, run

NOT_SCORED = [(None, None, None), (0, 0, 0)]


class Everybody(NamedTuple):
    engine: object
    frame: pl.DataFrame  # customer_id, the scores, frequency


@pytest.fixture(scope="module")
def everybody():
    """Open a database with a customer of each triple, one more of 1-1-1 without an order, and two without scores."""
    with temporary_database() as engine:
        create_base_tables(engine)
        db.apply(engine)
        rows = [
            *((*triple, 1) for triple in TRIPLES),
            (1, 1, 1, 0),
            *((*no, 0) for no in NOT_SCORED),
        ]
        values = ", ".join(
            "(" + ", ".join("null" if one is None else str(one) for one in row) + ")"
            for row in rows
        )
        past_triggers(
            engine,
            f"""
            insert into customers (rfm_recency, rfm_frequency, rfm_monetary, lead_score, last_scored_at, rfm_prospect)
            select r, f, m, 3 * r + 2 * f + m, case when r > 0 then now() end, case when r > 0 then orders = 0 end
            from (values {values}) as v (r, f, m, orders);
            """,
        )
        stored = run(
            engine,
            "select id::text, rfm_recency, rfm_frequency, rfm_monetary, (rfm_prospect is false)::int from customers",
        )
        schema: dict[str, Any] = {
            "customer_id": pl.String,
            "rfm_recency": pl.Int32,
            "rfm_frequency": pl.Int32,
            "rfm_monetary": pl.Decimal(3, 2),
            "frequency": pl.Int64,
        }
        yield Everybody(engine, pl.DataFrame(stored, schema=schema, orient="row"))
