import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import rfm
from rfm import warehouse
from rfm.errors import MissingExtra
from tests.warehouse.engines import SPARK, fetch
from tests.warehouse.strategies import AS_OF

MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)
NUMBERS = ["recency_days", "frequency", "monetary"]


def one_customer(ordered_at, amount=1, **columns):
    frame = pl.DataFrame({"ordered_at": ordered_at, "amount": amount, **columns})
    return frame.with_columns(customer_id=pl.lit("ada"))


def each_their_own(**columns):
    """Orders of as many customers as there are rows."""
    return pl.DataFrame(columns).with_row_index("customer_id").cast({"customer_id": pl.Int64})


def same_as_polars(engine, frame, as_of=AS_OF, model=rfm.PUBLISHED, **names):
    """Score in the engine, and return the scores once they are known to be those of Polars."""
    scores = fetch(warehouse.score_orders(engine.load(frame), as_of=as_of, model=model, **names))
    summary = rfm.summarize_orders(frame, as_of=as_of, **names)
    if model is not None or summary["frequency"].sum():
        expected = rfm.score_frame(summary, model)
        if not expected["customer_id"].dtype.is_integer():
            assert scores.schema == expected.schema
        assert_frame_equal(scores, expected, check_row_order=False, check_dtypes=False)
    return scores.sort("customer_id")


# ---------------------------------------------------------------- instants

INSTANTS = [
    AS_OF,
    AS_OF + MICROSECOND,
    AS_OF - DAY,
    AS_OF - DAY + MICROSECOND,
    AS_OF - DAY - MICROSECOND,
    # in the session's zone these fall into hours that do not exist, or exist twice
    datetime(2026, 3, 8, 5, 30, tzinfo=UTC),
    datetime(2026, 3, 8, 2, 30, tzinfo=UTC),
    datetime(2025, 11, 2, 1, 30, 0, 1, tzinfo=UTC),
    datetime(2025, 11, 2, 4, 30, tzinfo=UTC),
    # before 1970, and before there were time zones
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(1700, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    None,
]


@pytest.mark.parametrize(
    "kind", [pl.Datetime("us", "UTC"), pl.Datetime("us"), pl.Datetime("ms", "Asia/Tokyo"), pl.Date]
)
def test_an_instant_is_the_same_in_every_type_and_session(engine, kind):
    utc = pl.Series(INSTANTS, dtype=pl.Datetime("us", "UTC"))
    zone = getattr(kind, "time_zone", None)
    moved = utc.dt.convert_time_zone(zone) if zone else utc.dt.replace_time_zone(None)
    same_as_polars(engine, each_their_own(ordered_at=moved.cast(kind), amount=1))


@pytest.mark.parametrize(
    "as_of",
    [
        datetime(2026, 3, 8, 6, 0, tzinfo=UTC),
        datetime(2026, 3, 8, 6, 0),
        datetime(2026, 3, 8, 15, 0, tzinfo=timezone(timedelta(hours=9))),
        date(2026, 3, 8),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=9))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=9))),
    ],
)
def test_as_of_may_be_written_in_many_ways(engine, as_of):
    same_as_polars(engine, each_their_own(ordered_at=INSTANTS, amount=1), as_of)


@pytest.mark.parametrize("name", ["duckdb", "postgres"])
@pytest.mark.parametrize("kind", ["timestamp", "timestamptz", "date"])
def test_infinite_instants_earn_no_recency(engines, name, kind):
    engine = engines(name)
    engine.run(f"""
        create or replace view eternal as
        select 1 as customer_id, cast('-infinity' as {kind}) as ordered_at, 5 as amount
        union all select 2, cast('infinity' as {kind}), 5
    """)
    table = engine.connection.table("eternal")
    summary = warehouse.summarize_orders(table, as_of=AS_OF).order_by("customer_id")
    assert summary.to_polars().drop("last_order_at").rows() == [(1, None, 1, 5), (2, None, 0, 0)]
    engine.run("drop view eternal")


def test_nanoseconds_are_cut_off(engines):
    engine = engines("duckdb")
    engine.run("""
        create or replace table fine as select * from (values
            (1, timestamp_ns '2026-11-01 12:00:00.000005999', 1),
            (2, timestamp_ns '2026-11-01 12:00:00.000006000', 1),
            (3, timestamp_ns '2026-10-31 12:00:00.000005999', 1),
            (4, timestamp_ns '1969-12-31 23:59:59.999999999', 1)
        ) as t (customer_id, ordered_at, amount)
    """)
    table = engine.connection.table("fine")
    frame = table.to_polars()
    assert frame.schema["ordered_at"] == pl.Datetime("ns")
    found = fetch(warehouse.summarize_orders(table, as_of=AS_OF))
    expected = rfm.summarize_orders(frame, as_of=AS_OF)
    assert_frame_equal(found, expected, check_row_order=False)


# ---------------------------------------------------------------- amounts


@pytest.mark.parametrize(
    "dtype", [pl.Int8, pl.Int64, pl.Decimal(5, 1), pl.Decimal(18, 4), pl.Decimal(38, 2)]
)
def test_exact_amounts_stay_exact(engine, dtype):
    amounts = pl.Series([100, 25, -3, None, 0, 50], dtype=dtype)
    frame = pl.DataFrame(
        {"customer_id": list("aabcde"), "ordered_at": [AS_OF] * 6, "amount": amounts}
    )
    same_as_polars(engine, frame, model=None)


def test_sums_are_exact_where_floats_are_not(engine):
    dimes = one_customer([AS_OF] * 10, [Decimal("0.10")] * 10)
    model = rfm.Model(monetary=[1, Decimal("1.001")])
    assert same_as_polars(engine, dimes, model=model)["rfm_monetary"].to_list() == [2]


def test_integers_add_up_beyond_sixty_four_bits(engine):
    frame = one_customer([AS_OF] * 3, pl.Series([2**63 - 1] * 3, dtype=pl.Int64))
    assert same_as_polars(engine, frame)["monetary"].to_list() == [3 * (2**63 - 1)]


def test_floats_that_are_no_number_add_nothing(engine):
    odd = [float("nan"), float("inf"), float("-inf"), 49.5, None, 1e308]
    frame = pl.DataFrame({"customer_id": list("aaaabc"), "ordered_at": [AS_OF] * 6, "amount": odd})
    for model in (None, rfm.Model(monetary=[49.5, 1e308, Decimal("1E+400")])):
        same_as_polars(engine, frame, model=model)


@pytest.mark.parametrize(
    ("spend", "threshold", "met"),
    [
        ("999.99", "999.99", True),
        ("999.99", "999.991", False),
        ("0.01", "0.001", True),
        ("0.00", "1E-999999999", False),
        ("0.01", "1E-999999999", True),
        ("0.00", "-1E+999999999", True),
        ("1.00", "1E+999999999", False),
        ("9" * 36 + ".99", "9" * 36 + ".99", True),
        ("9" * 36 + ".99", "9" * 36 + ".991", False),
    ],
)
@pytest.mark.parametrize("name", ["duckdb", "postgres"])
def test_spend_is_compared_to_the_last_digit(engines, name, spend, threshold, met):
    amount = pl.Series([spend]).cast(pl.Decimal(38, 2))
    model = rfm.Model(monetary=[Decimal(threshold)])
    scores = same_as_polars(engines(name), one_customer([AS_OF], amount), model=model)
    assert scores["rfm_monetary"].item() == 1 + met


def test_postgres_numerics_without_a_scale_are_exact_and_nan_adds_nothing(engines):
    engine = engines("postgres")
    engine.run("""
        create view numerics as
        select customer_id, timestamptz '2026-10-01' as ordered_at, amount::numeric
        from (values
            (1, '0.0000000000000000001'), (1, 'NaN'), (2, 'Infinity'), (2, '-Infinity'), (3, '7.5')
        ) as v (customer_id, amount)
    """)
    summary = warehouse.summarize_orders(engine.connection.table("numerics"), as_of=AS_OF)
    tiny = Decimal("0.0000000000000000001")
    assert warehouse.fit(summary).monetary == (tiny, Decimal("7.5"), Decimal("7.5"))
    model = rfm.Model(monetary=[tiny, tiny * 2, 7, Decimal("7.50000000001")])
    scores = warehouse.score_summary(summary, model).order_by("customer_id")
    assert scores.rfm_monetary.to_pyarrow().to_pylist() == [2, 1, 4]
    engine.run("drop view numerics")


# ---------------------------------------------------------------- tables


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


# ---------------------------------------------------------------- fitting


@pytest.mark.parametrize("name", ["duckdb", "postgres"])
@pytest.mark.parametrize("size", [1, 2, 4, 5, 6, 99])
def test_fifths_are_cut_where_polars_cuts_them(engines, name, size):
    values = [n * n % 17 for n in range(size)]
    summary = pl.DataFrame({
        "recency_days": [None if value == 4 else value for value in values],
        "frequency": [value % 7 for value in values[:-1]] + [1],
        "monetary": pl.Series([Decimal(value - 3) / 4 for value in values], dtype=pl.Decimal(38, 2)),
    })  # fmt: skip
    assert warehouse.fit(engines(name).load(summary)) == rfm.fit(summary)


def test_recency_below_zero_is_an_error(engines):
    summary = pl.DataFrame({"recency_days": [-1, 2, -3], "frequency": [1, 1, 0], "monetary": 1})
    with pytest.raises(rfm.InvalidFrame, match=r"^1 row of summary with recency_days below 0; sum"):
        warehouse.fit(engines("duckdb").load(summary))


# ---------------------------------------------------------------- engines that are not here

ORDERS = {
    "customer_id": "int64",
    "zoned": dt.Timestamp("UTC"),
    "naive": dt.timestamp,
    "day": dt.date,
    "amount": "decimal(12, 2)",
    "float": "float64",
    "status": "string",
}
FUNCTIONS = {
    "bigquery": ("UNIX_MICROS(", "TIMESTAMP_MICROS("),
    "databricks": ("UNIX_MICROS(", "TIMESTAMP_MICROS("),
    "snowflake": ("DATE_PART('epoch_microsecond'", "DATEADD(MICROSECOND"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("ordered_at", ["zoned", "naive", "day"])
@pytest.mark.parametrize("amount", ["amount", "float"])
def test_sql_is_written_for_engines_that_cannot_run_here(name, ordered_at, amount):
    names = warehouse._Names("customer_id", ordered_at, amount, "status")
    orders = ibis.table(ORDERS, name="orders")
    summary = warehouse._summary(orders, 0, names, name)
    scores = ibis.to_sql(warehouse._score(summary, rfm.PUBLISHED), dialect=name)
    thresholds = ibis.to_sql(warehouse._thresholds(warehouse._histogram(summary)), dialect=name)
    for function in FUNCTIONS[name]:
        assert function in "".join(scores.split())
    assert "DESC" not in thresholds  # BigQuery would then have its nulls last


# ---------------------------------------------------------------- errors


def duckdb_table(frame):
    return ibis.duckdb.connect().create_table("orders", frame)


def test_all_missing_columns_are_named_at_once():
    with pytest.raises(rfm.InvalidFrame) as error:
        warehouse.score_orders(
            duckdb_table(pl.DataFrame({"customer_id": [1], "x": 1})), as_of=AS_OF
        )
    assert str(error.value) == (
        "2 columns missing from orders: 'ordered_at', 'amount' (found: 'customer_id', 'x'); "
        'name yours, for example `customer_id="buyer"`'
    )


def test_all_wrong_types_are_named_at_once():
    bad = {"customer_id": [1.5], "ordered_at": ["2025"], "amount": [True], "status": [1]}
    with pytest.raises(
        rfm.InvalidFrame, match=r"^4 columns of the wrong type in orders: "
    ) as error:
        warehouse.summarize_orders(duckdb_table(pl.DataFrame(bad)), as_of=AS_OF)
    for found in (
        "'customer_id' is float64, not an integer, text or another flat and exact type: cast",
        "'ordered_at' is string, not a date or timestamp: parse",
        "'amount' is boolean, not an integer, decimal or float: cast",
        "'status' is int64, not text: cast",
    ):
        assert found in str(error.value)


def test_null_ids_are_counted(engine):
    frame = pl.DataFrame({"customer_id": ["a", None, None], "ordered_at": AS_OF, "amount": 1})
    with pytest.raises(rfm.InvalidFrame) as error:
        warehouse.summarize_orders(engine.load(frame), as_of=AS_OF)
    assert str(error.value) == (
        "2 rows of orders without 'customer_id'; leave them out with .drop_null('customer_id')"
    )
    table = engine.load(frame).drop_null("customer_id")
    assert fetch(warehouse.summarize_orders(table, as_of=AS_OF))["customer_id"].to_list() == ["a"]


def test_a_column_without_nulls_is_not_searched_for_them():
    connection = ibis.duckdb.connect()
    schema = ibis.schema(
        {"customer_id": dt.Int64(nullable=False), "ordered_at": "timestamp", "amount": "int64"}
    )
    table = connection.create_table("orders", schema=schema)
    connection.drop_table("orders")  # no query can be run
    warehouse.score_orders(table, as_of=AS_OF, model=rfm.PUBLISHED)


def test_a_named_status_has_to_be_there():
    with pytest.raises(rfm.InvalidFrame, match=r"1 column missing from orders: 'state'"):
        warehouse.summarize_orders(duckdb_table(one_customer([AS_OF])), as_of=AS_OF, status="state")


def test_what_is_no_ibis_table_is_refused():
    with pytest.raises(rfm.InvalidFrame, match=r"^orders is a DataFrame, not an Ibis table; get"):
        warehouse.summarize_orders(one_customer([AS_OF]), as_of=AS_OF)


def test_an_engine_whose_instants_are_not_known_is_refused():
    table = ibis.polars.connect({"orders": one_customer([AS_OF])}).table("orders")
    with pytest.raises(rfm.InvalidFrame, match=r"^orders are in polars, .* 'duckdb', .*; copy"):
        warehouse.summarize_orders(table, as_of=AS_OF)


def test_a_table_of_no_engine_is_refused():
    with pytest.raises(rfm.InvalidFrame, match=r"^orders are of no engine, .*; get them by"):
        warehouse.summarize_orders(
            ibis.table(ORDERS, name="orders"), as_of=AS_OF, ordered_at="zoned"
        )


@pytest.mark.parametrize("as_of", ["2026-11-01", None, pl.lit(1)])
def test_an_as_of_that_is_no_instant_is_refused(as_of):
    with pytest.raises(rfm.InvalidAsOf, match=r"not a datetime or a date; parse text"):
        warehouse.score_orders(duckdb_table(one_customer([AS_OF])), as_of=as_of)


def test_a_model_that_is_none_is_refused():
    unchecked: Any = {}
    with pytest.raises(rfm.InvalidModel, match=r"model is a dict, not an rfm\.Model"):
        warehouse.score_orders(duckdb_table(one_customer([AS_OF])), as_of=AS_OF, model=unchecked)


def test_a_table_that_is_no_summary_is_refused():
    with pytest.raises(
        rfm.InvalidFrame, match=r"^2 columns missing from summary: .*rfm.warehouse.summarize_orders"
    ):
        warehouse.fit(duckdb_table(pl.DataFrame({"frequency": [1]})))


def test_without_ibis_the_error_names_the_extra():
    code = "import sys; sys.modules['ibis'] = None\nimport rfm\nimport rfm.warehouse"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert MissingExtra.__name__ in done.stderr
    assert "pip install 'rfm-scoring[warehouse]'" in done.stderr
