"""Order files of every kind: what is read, exactly, and what is refused, with its place."""

import gzip
import io
import sys
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfm.columns import OrderColumns
from rfm.errors import InvalidArgument, InvalidFile
from rfm.io import FileFormat, read_ids, scan_orders
from rfm.io.values import plain_decimal
from rfm.orders.rules import OrderRules

CSV = "customer_id,ordered_at,amount,status\n007,2026-10-20,120.50,paid\n042,2026-01-01,0.10,\n"
ROWS = [
    ("007", datetime(2026, 10, 20, tzinfo=UTC), Decimal("120.50"), "paid"),
    ("042", datetime(2026, 1, 1, tzinfo=UTC), Decimal("0.10"), None),
]


def zstd(content):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


def frame_of(rows):
    schema = pl.Schema(
        {
            "customer_id": pl.String(), "ordered_at": pl.Datetime("us", "UTC"),
            "amount": pl.Decimal(38, 2), "status": pl.String(),
        }
    )  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def written(path, name):
    frame = frame_of(ROWS)
    if ".parquet" in name:
        frame.write_parquet(path / name)
    elif ".xlsx" in name:
        frame.with_columns(pl.col("ordered_at").dt.replace_time_zone(None)).write_excel(path / name)
    elif "json" in name:
        (path / name).write_text(
            '{"customer_id":"007","ordered_at":"2026-10-20","amount":120.50,"status":"paid"}\n'
            '{"customer_id":"042","ordered_at":"2026-01-01","amount":"0.10"}\n'
        )
    else:
        mark = "\t" if ".tsv" in name else "," if name.startswith("o.csv") else ";"
        (path / name).write_text(CSV.replace(",", mark))
    if name.endswith((".gz", ".zst")):
        content = (path / name).read_bytes()
        pack = gzip.compress if name.endswith(".gz") else zstd
        (path / name).write_bytes(pack(content))
    return path / name


@pytest.mark.parametrize(
    "name",
    [
        "o.csv", "o.CSV", "o.tsv", "o.txt", "semicolons.csv", "o.ndjson", "o.jsonl", "o.parquet",
        "o.xlsx", "o.csv.gz", "o.csv.zst", "o.ndjson.gz", "o.ndjson.zst", "o.tsv.gz",
    ],
)  # fmt: skip
def test_every_kind_of_file_holds_the_same_orders(tmp_path, name):
    found = scan_orders([written(tmp_path, name)]).collect().sort("customer_id")
    assert found.rows() == ROWS


@pytest.mark.parametrize("kind", ["csv", "ndjson", "parquet", "xlsx", "csv.gz"])
def test_standard_input_may_be_of_any_kind(tmp_path, monkeypatch, kind):
    content = written(tmp_path, f"o.{kind}").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert scan_orders(["-"]).collect().sort("customer_id").rows() == ROWS


def test_several_files_folders_and_patterns_are_read_once_each(tmp_path):
    folder = tmp_path / "orders" / "year=2026"
    folder.mkdir(parents=True)
    written(folder, "o.csv")
    written(folder, "o.parquet")
    (folder / "_SUCCESS").write_text("")
    (folder / "notes.md").write_text("no orders")
    for paths in (
        [tmp_path / "orders"],
        [f"{tmp_path}/orders/*/o.*"],
        [folder / "o.csv", folder / "o.parquet", f"{folder}/*.csv"],
    ):
        assert scan_orders(paths).collect().height == 4
    assert scan_orders([tmp_path / "orders"]).collect()["year"].unique().to_list() == ["2026"]


def test_files_may_differ_in_columns_and_decimal_places(tmp_path):
    written(tmp_path, "o.csv")
    (tmp_path / "p.csv").write_text("amount,customer_id,ordered_at\n1.234,1,2026-01-01\n")
    found = scan_orders([f"{tmp_path}/*.csv"]).collect()
    assert found["amount"].sum() == Decimal("121.834")
    assert found["status"].to_list() == ["paid", None, None]


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-31T22:30:00Z", "2026-10-31 22:30:00+00:00", "2026-10-31T23:30:00.000+01:00",
        "2026-10-31T22:30", "2026-10-31 22:30:00", "2026-10-31T17:30-0500",
        " 2026-10-31T22:30:00.000000 ", "2026-10-31 22:30:00+00", "2026-10-31 18:30:00-04",
        "2026-10-31 22:30:00 UTC", "2026-10-31 22:30:00 Z", "2026-10-31 18:30:00 -0400",
        "2026-10-31T22:30z", "2026-10-31 22:30:00.000000123+00", "2026-10-31  22:30",
    ],
)  # fmt: skip
def test_every_way_to_write_an_instant_of_iso_8601_is_the_same_instant(tmp_path, text):
    path = tmp_path / "o.csv"
    path.write_text(f"customer_id,ordered_at,amount\n1,{text},1\n2,2026-10-31,1\n")
    found = scan_orders([path]).collect()["ordered_at"].to_list()
    assert found == [datetime(2026, 10, 31, 22, 30, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("text", "date_format", "instant"),
    [
        ("03/04/2026", "%d/%m/%Y", datetime(2026, 4, 3, tzinfo=UTC)),
        ("12/1/2010 8:26", "%m/%d/%Y %H:%M", datetime(2010, 12, 1, 8, 26, tzinfo=UTC)),
        ("2010-12-01 08:26 -0500", "%Y-%m-%d %H:%M %z", datetime(2010, 12, 1, 13, 26, tzinfo=UTC)),
    ],
)
def test_a_date_format_reads_other_dates(tmp_path, text, date_format, instant):
    path = tmp_path / "o.csv"
    path.write_text(f"customer_id,ordered_at,amount\n1,{text},1\n")
    found = scan_orders([path], form=FileFormat(date_format=date_format)).collect()
    assert found["ordered_at"].to_list() == [instant]


@pytest.mark.parametrize(
    ("text", "decimal", "amount"),
    [
        ("9.99e0", None, "9.99"), ("1.5e-1", None, "0.15"), ("1E3", None, "1000"),
        (" 5. ", None, "5"), ("-.5", None, "-0.5"), ("+3", None, "3"),
        ("1.234,50", ",", "1234.50"), ("1234,5", ",", "1234.5"), ("1 234,50", ",", "1234.50"),
        ("1,234.50", ".", "1234.50"), ("1’234.50", ".", "1234.50"),
        ("12345678901234567890.123456789", None, "12345678901234567890.123456789"),
    ],
)  # fmt: skip
def test_no_amount_loses_a_digit(tmp_path, text, decimal, amount):
    path = tmp_path / "o.tsv"
    path.write_text(f"customer_id\tordered_at\tamount\n1\t2026-01-01\t{text}\n")
    found = scan_orders([path], form=FileFormat(decimal=decimal)).collect()
    assert found["amount"].item() == Decimal(amount)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3), st.booleans())
def test_a_decimal_is_read_as_python_reads_it(number, exponent):
    text = f"{number:e}" if exponent else f"{number:f}"
    plain = pl.select(plain_decimal(pl.lit(text), None)).item()
    assert Decimal(plain) == number
    assert "e" not in plain.lower()


@pytest.mark.parametrize("kind", ["parquet", "ndjson"])
def test_a_float_counts_as_it_prints(tmp_path, kind):
    path = tmp_path / f"o.{kind}"
    frame = pl.DataFrame(
        {"customer_id": 1, "ordered_at": "2026-01-01", "amount": [0.1, 19.9, None]}
    )
    getattr(frame, f"write_{kind}")(path)
    assert scan_orders([path]).collect()["amount"].sum() == Decimal(20)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("1,soon,1\n", "1 value of 'ordered_at' cannot be read, the first is 'soon' ("),
        ("1,2026-01-01,1\n2,03/04/2026,1\n", 'line 3); write them like 2026-11-01 or 2026-11-01T12:00:00+01:00, or name their format, for example `date_format="%d/%m/%Y"`'),
        ('1,2026-01-01,1\n"a\nb",2026-01-01,x\n', "the first is 'x' ("),
        ('"a\nb",2026-01-01,1\n"c\nd",2026-01-01,x\n3,2026-01-01,x', "line 4); write them like 1234.50"),
        ('1,2026-01-01,"1,234"\n', 'name the decimal mark: `decimal=","` reads 1.234,50'),
        ("1,2026-01-01,1.5.5\n", "the first is '1.5.5'"),
        ("1,2026-01-01,$5\n", "the first is '$5'"),
        (f"1,2026-01-01,{'9' * 39}\n", "1 value of 'amount' cannot be read"),
        (f"1,2026-01-01,0.{'1' * 39}\n", "1 value of 'amount' cannot be read"),
        ("1,2026-01-01,1,2,3\n", "a row has more values than the header has columns"),
    ],
)  # fmt: skip
def test_a_refusal_names_file_line_value_and_remedy(tmp_path, content, says):
    path = tmp_path / "o.csv"
    path.write_text(f"customer_id,ordered_at,amount\n{content}")
    with pytest.raises(InvalidFile) as error:
        scan_orders([path])
    assert says in str(error.value)
    assert "o.csv" in str(error.value)


def test_amounts_that_need_more_than_38_digits_together_are_an_error(tmp_path):
    path = tmp_path / "o.csv"
    path.write_text(f"customer_id,ordered_at,amount\n1,2026-01-01,{'9' * 38}\n1,2026-01-01,0.01\n")
    with pytest.raises(InvalidFile, match=r"with 2 decimal places, as the files have"):
        scan_orders([path]).collect()


def test_a_number_of_json_that_a_float_rounds_is_refused(tmp_path):
    path = tmp_path / "o.ndjson"
    line = '{"customer_id":1,"ordered_at":"2026-01-01","amount":9.999999999999999999}\n'
    path.write_text(line)
    with pytest.raises(InvalidFile, match=r"line 1: 'amount' is 9.9{18}, which JSON readers round"):
        scan_orders([path])
    path.write_text(line.replace("9.999999999999999999", "0.30000000000000004"))
    assert scan_orders([path]).collect()["amount"].item() == Decimal("0.30000000000000004")


def test_another_encoding_is_named_and_utf_16_is_seen(tmp_path):
    path = tmp_path / "o.csv"
    text = "customer_id,ordered_at,amount\nMüller,2026-01-01,1\n"
    path.write_bytes(text.encode("cp1252"))
    with pytest.raises(InvalidFile, match=r"not UTF-8; name its encoding, for example `encoding="):
        scan_orders([path]).collect()
    for encoding, given_name in (("cp1252", "cp1252"), ("utf-16", None), ("utf-8-sig", None)):
        path.write_bytes(text.encode(encoding))
        found = scan_orders([path], form=FileFormat(encoding=given_name)).collect()
        assert found["customer_id"].item() == "Müller"


@pytest.mark.parametrize(
    ("form", "says"),
    [
        (FileFormat(separator=";"), "`separator` has no effect: the files are 'parquet'"),
        (FileFormat(decimal=","), "`decimal` has no effect"),
        (FileFormat(encoding="cp1252"), "`encoding` has no effect"),
        (FileFormat(decimal=";"), "`decimal` is ';'; use"),
        (FileFormat(separator=",,"), "`separator` is ',,', not one character"),
        (FileFormat(separator=",", decimal=","), "are the same character"),
    ],
)
def test_a_format_without_effect_is_refused(tmp_path, form, says):
    with pytest.raises(InvalidArgument, match=says):
        scan_orders([written(tmp_path, "o.parquet")], form=form)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("none.csv", "none.csv is not a file"),
        ("*.csv", "no file matches"),
        ("empty", "0 files in the folder"),
        ("o.md", "o.md ends with '.md'; use .csv, .tsv"),
        ("empty.csv", "empty.csv cannot be read: empty CSV"),
        ("broken.xlsx", "broken.xlsx cannot be read"),
    ],
)
def test_what_is_not_there_or_not_readable_is_named(tmp_path, path, says):
    (tmp_path / "empty").mkdir()
    (tmp_path / "o.md").write_text("x")
    if path != "*.csv":
        (tmp_path / "empty.csv").write_text("")
    (tmp_path / "broken.xlsx").write_text("no sheet")
    with pytest.raises(InvalidFile, match=says.replace("*", r"\*")):
        scan_orders([tmp_path / path])


def test_blank_lines_and_blanks_around_text_are_nothing(tmp_path):
    path = tmp_path / "o.csv"
    path.write_text("customer_id,ordered_at,amount,status\n 7 ,2026-01-01, ,Refunded \n\n\n")
    assert scan_orders([path]).collect().rows() == [
        ("7", datetime(2026, 1, 1, tzinfo=UTC), None, "Refunded")
    ]


def test_excel_numbers_keep_their_text(tmp_path):
    path = tmp_path / "o.xlsx"
    pl.DataFrame(
        {
            "CustomerID": [17850.0, None],
            "InvoiceDate": [datetime(2010, 12, 1, 8, 26), datetime(2010, 12, 2)],
            "UnitPrice": [2.55, 3.39],
            "Quantity": [6, -1],
            "InvoiceNo": ["536365", "C536379"],
        }
    ).write_excel(path)
    columns = OrderColumns("CustomerID", "InvoiceDate", "UnitPrice")
    rules = OrderRules(order_id="InvoiceNo", quantity="Quantity")
    found = scan_orders([path], columns, rules).collect()
    assert found["CustomerID"].to_list() == ["17850", None]
    assert found["UnitPrice"].to_list() == [Decimal("2.55"), Decimal("3.39")]
    assert found["Quantity"].to_list() == [6, -1]
    assert found["InvoiceDate"][1] == datetime(2010, 12, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "content", ["customer_id\n007\n042\n", "007\n042\n", "customer_id,why\n007,test\n042,staff\n"]
)
def test_ids_are_read_from_a_column_or_from_lines(tmp_path, content):
    path = tmp_path / "ids.csv"
    path.write_text(content)
    assert read_ids(path, "customer_id").to_list() == ["007", "042"]


def test_days_of_parquet_stay_days(tmp_path):
    frame = pl.DataFrame({"customer_id": [1], "ordered_at": [date(2026, 1, 1)], "amount": [1]})
    frame.write_parquet(tmp_path / "o.parquet")
    assert scan_orders([tmp_path / "o.parquet"]).collect().schema == frame.schema
