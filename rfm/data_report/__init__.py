"""What was found in the orders: one structure for Python, JSON and the command line."""

from rfm.data_report.inspection import inspect, summarize_and_inspect
from rfm.data_report.structure import SCHEMA, DataReport, Finding

__all__ = ["SCHEMA", "DataReport", "Finding", "inspect", "summarize_and_inspect"]
