"""What `rfm.inspect` finds, and what it costs to say so."""

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given

import rfm
from rfm.data_report import SCHEMA, summarize_and_inspect
from rfm.data_report.structure import TITLES
from tests.core.strategies import AS_OF, order_frame, orders
from tests.core.summary.support import one_customer

PAID = {"status": "paid"}


def found(frame, as_of=AS_OF, **options):
    report = rfm.inspect(frame, as_of=as_of, **options)
    assert rfm.inspect(frame.lazy(), as_of=as_of, **options) == report
    return {one.kind: one for one in report.findings}


def sales(rows, **columns):
    frame = pl.DataFrame({"customer_id": rows}, strict=False).with_columns(
        ordered_at=pl.lit(AS_OF), amount=pl.int_range(pl.len()) + 1, status=pl.lit("paid")
    )
    return frame.with_columns(**columns)


def test_clean_orders_have_no_findings():
    report = rfm.inspect(sales(["a", "b"]), as_of=AS_OF)
    assert (report.rows, report.counted, report.customers, report.findings) == (2, 2, 2, ())
    assert str(report) == "2 rows read, 2 counted, 2 customers"


@given(orders)
def test_the_report_counts_what_the_summary_counts(rows):
    frame = order_frame(rows)
    summary, report = summarize_and_inspect(frame.lazy(), as_of=AS_OF)
    assert report == rfm.inspect(frame, as_of=AS_OF)
    assert report.rows == len(rows)
    assert report.counted == summary["frequency"].sum()
    assert report.customers == summary.height


@pytest.mark.parametrize(
    ("columns", "kind", "number", "example"),
    [
        ({"status": pl.Series(["Refunded", "void", "paid"])}, "uncounted_status", 2, "'Refunded': 1, 'void': 1"),
        ({"status": pl.Series(["returned", "paid", "paid"])}, "status_like", 1, "'returned': 1"),
        ({"status": pl.Series(["void ", "paid", None])}, "status_like", 1, "'void ': 1"),
        ({"ordered_at": pl.lit(AS_OF + timedelta(1))}, "after_as_of", 3, "2025-06-02 12:00:00"),
        ({"ordered_at": pl.lit(None, pl.Date)}, "no_time", 3, None),
        ({"ordered_at": pl.lit(date(1900, 1, 1))}, "impossible_recency", 3, "1900-01-01"),
        ({"customer_id": pl.Series(["a", None, " "])}, "no_customer", 2, None),
        ({"customer_id": pl.Series(["Ada", "ada ", "bob"])}, "similar_customers", 2, "'Ada', 'ada '"),
        ({"amount": pl.Series([1, None, 2])}, "no_amount", 1, None),
        ({"amount": pl.Series([Decimal(1), Decimal("-2.50"), Decimal(2)])}, "negative_amount", 1, "b: -2.50"),
        ({"customer_id": pl.lit("a"), "amount": 1}, "duplicate_rows", 2, "of customer 'a'"),
        ({"currency": pl.Series(["EUR", "EUR", "USD"])}, "several_currencies", 2, "'EUR', 'USD'"),
    ],
)  # fmt: skip
def test_each_finding_has_a_number_and_an_example(columns, kind, number, example):
    one = found(sales(["a", "b", "c"], **columns))[kind]
    assert one.count == number
    assert (one.example or "").startswith(example or "")
    assert TITLES[kind] in str(one)
    assert str(one).startswith(f"{number} ")


def test_a_missing_status_column_is_told_with_one_that_looks_like_it():
    frame = sales(["a"]).rename({"status": "Order Status"})
    one = found(frame)["no_status_column"]
    assert one.example == "'Order Status' looks like a column of statuses"
    assert one.remedy == 'name it: `status="Order Status"`'
    assert found(sales(["a"]).drop("status"))["no_status_column"].example is None


def test_one_customer_with_an_absurd_share_is_named():
    one = found(sales([*map(str, range(200)), *["(blank)"] * 50]))["large_customer"]
    assert (one.count, one.example) == (50, "'(blank)' has 20% of all rows")


def test_rules_change_what_is_counted_and_what_is_told():
    frame = sales(
        ["a", "b", None], amount=pl.Series([1, -1, 1]), money=pl.Series(["EUR", None, "X"])
    )
    report = rfm.inspect(
        frame, as_of=AS_OF, drop_null_customers=True, exclude_customers=["b"],
        refunds="ignore", currency="money", in_currency="EUR",
    )  # fmt: skip
    assert report.counted == 1
    kinds = {one.kind: one.count for one in report.findings}
    assert kinds == {
        "other_currency": 2,
        "no_customer": 1,
        "excluded_customer": 1,
        "negative_amount": 1,
    }


def test_lines_without_an_order_number_are_told():
    frame = one_customer([AS_OF] * 2, invoice=[1, None], **PAID)
    assert found(frame, order_id="invoice")["no_order_id"].count == 1


def test_a_quantity_may_make_an_amount_negative():
    frame = one_customer([AS_OF], 5, pieces=-1, **PAID)
    assert found(frame, quantity="pieces")["negative_amount"].count == 1


def test_the_json_has_what_its_schema_says():
    report = rfm.inspect(sales(["a", "a"], amount=1), as_of=datetime(2025, 6, 1))
    data = json.loads(json.dumps(report.to_dict()))
    assert set(data) == set(SCHEMA["required"]) == set(SCHEMA["properties"])
    assert data["as_of"] == "2025-06-01T00:00:00+00:00"
    for one in data["findings"]:
        assert set(one) == set(SCHEMA["properties"]["findings"]["items"]["required"])
        assert one["kind"] in TITLES


def test_orders_that_cannot_be_inspected_are_refused():
    with pytest.raises(rfm.InvalidFrame, match=r"3 columns missing from orders"):
        rfm.inspect(pl.DataFrame({"x": [1]}), as_of=AS_OF)
    unchecked: Any = "today"
    with pytest.raises(rfm.InvalidAsOf):
        rfm.inspect(sales(["a"]), as_of=unchecked)


def test_ids_of_any_flat_type_are_inspected():
    for ids in (
        pl.Series([1, 2]),
        pl.Series([b"a", b"b"]),
        pl.Series(["a", "b"], dtype=pl.Categorical),
    ):
        assert found(sales(["x", "y"]).with_columns(customer_id=ids)) == {}
    empty = sales(["x"]).clear()
    assert rfm.inspect(empty, as_of=AS_OF).rows == 0
