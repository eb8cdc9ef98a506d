"""Customer scores by recency, frequency and monetary value, in Polars and in PostgreSQL.

>>> from datetime import date
>>> import polars as pl
>>> orders = pl.DataFrame({
...     "customer_id": ["ada", "ada", "bob"],
...     "ordered_at": [date(2025, 1, 1), date(2025, 1, 9), date(2024, 6, 5)],
...     "amount": [20, 35, 500],
... })
>>> summary = summarize_orders(orders, as_of=date(2025, 1, 31))
>>> scored = score_frame(summary, PUBLISHED).with_columns(lead_category(), segment())
>>> scored.sort("customer_id").select("lead_score", "lead_category", "segment").rows()
[(21, 'Warm', 'potential_loyalist'), (11, 'Cold', 'hibernating')]
"""

from rfm.data_report import DataReport, Finding, inspect
from rfm.errors import (
    EmptyFit,
    InvalidAsOf,
    InvalidFrame,
    InvalidHorizon,
    InvalidModel,
    InvalidSegmentMap,
    RfmError,
    TooFewCustomers,
)
from rfm.evaluation.evaluate import evaluate
from rfm.evaluation.result import Evaluation
from rfm.explanation.change import Change, explain_change
from rfm.explanation.explain import explain
from rfm.explanation.frame import explain_frame
from rfm.explanation.schema import explanation_schema
from rfm.explanation.structure import Explanation
from rfm.explanation.wording import sentences
from rfm.model import PUBLISHED, Model
from rfm.quintiles import fit
from rfm.scoring import score_frame
from rfm.segments.grids import GRID, GRID_PUBLISHED
from rfm.segments.maps import Segment, SegmentMap
from rfm.segments.names import lead_category, segment
from rfm.summary import summarize_orders

__version__ = "0.1.0"

__all__ = [
    "GRID",
    "GRID_PUBLISHED",
    "PUBLISHED",
    "Change",
    "DataReport",
    "EmptyFit",
    "Evaluation",
    "Explanation",
    "Finding",
    "InvalidAsOf",
    "InvalidFrame",
    "InvalidHorizon",
    "InvalidModel",
    "InvalidSegmentMap",
    "Model",
    "RfmError",
    "Segment",
    "SegmentMap",
    "TooFewCustomers",
    "evaluate",
    "explain",
    "explain_change",
    "explain_frame",
    "explanation_schema",
    "fit",
    "inspect",
    "lead_category",
    "score_frame",
    "segment",
    "sentences",
    "summarize_orders",
]
