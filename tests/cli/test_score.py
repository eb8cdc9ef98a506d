"""`rfm score`: files in, files out."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

import rfm

CSV = """customer_id,ordered_at,amount,status
007,2026-10-20,120.50,paid
007,2026-10-30,0.10,
042,2026-01-01,19.99,paid
042,2026-10-31,500,Refunded
"""
MODEL = rfm.Model(frequency=(1, 2), monetary=(Decimal("120.60"),))


@pytest.fixture
def orders(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(CSV)
    return path


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(MODEL.to_json())
    return path


def test_a_csv_file_is_scored_exactly_and_ids_keep_their_zeros(
    rfm_command, orders, model, tmp_path
):
    result = tmp_path / "scores.parquet"
    done = rfm_command("score", orders, "--as-of", "2026-11-01", "--model", model, "-o", result)
    assert done.stderr == (
        "4 rows read, 3 counted, 2 customers\n"
        "  - 1 row not counted because of the status ('Refunded': 1)\n"
        "2 customers scored\n"
    )
    scores = pl.read_parquet(result).sort("customer_id")
    assert scores.columns == [
        "customer_id", "last_order_at", "recency_days", "frequency", "monetary",
        "rfm_recency", "rfm_frequency", "rfm_monetary", "lead_score", "lead_category", "segment",
    ]  # fmt: skip
    assert scores["customer_id"].to_list() == ["007", "042"]
    assert scores["monetary"].to_list() == [Decimal("120.60"), Decimal("19.99")]
    assert scores["rfm_monetary"].to_list() == [2, 1]
    assert scores["lead_score"].to_list() == [3 * 5 + 2 * 3 + 2, 3 * 1 + 2 * 2 + 1]


def test_parquet_and_csv_score_alike(rfm_command, tmp_path):
    (tmp_path / "orders.csv").write_text(CSV)
    frame = pl.DataFrame(
        {
            "customer_id": ["007", "007", "042", "042"],
            "ordered_at": [
                date(2026, 10, 20),
                date(2026, 10, 30),
                date(2026, 1, 1),
                date(2026, 10, 31),
            ],
            "amount": [Decimal("120.50"), Decimal("0.10"), Decimal("19.99"), Decimal(500)],
            "status": ["paid", None, "paid", "Refunded"],
        }
    )
    frame.write_parquet(tmp_path / "orders.parquet")
    for name in ("orders.csv", "orders.parquet"):
        rfm_command(
            "score", tmp_path / name, "--as-of", "2026-11-01", "-o", tmp_path / f"{name}.csv"
        )
    texts = [
        (tmp_path / f"orders.{kind}.csv").read_text().splitlines() for kind in ("csv", "parquet")
    ]
    assert sorted(texts[0]) == sorted(texts[1])
    assert len(texts[0]) == 3


def test_other_column_names_are_given_by_options(rfm_command, tmp_path):
    (tmp_path / "o.csv").write_text("buyer,day,paid\nx,2026-10-01,5\n")
    done = rfm_command(
        "score", tmp_path / "o.csv", "--as-of", "2026-11-01", "--customer-id", "buyer",
        "--ordered-at", "day", "--amount", "paid",
    )  # fmt: skip
    assert "x" in done.stdout
    assert done.stderr.endswith("1 customer scored\n")


@pytest.mark.parametrize(
    ("content", "arguments", "says"),
    [
        (CSV, ["--as-of", "yesterday"], "--as-of 'yesterday' is not a date or time"),
        (CSV, ["--as-of", "2026-11-01", "-o", "x.json"], "x.json ends with '.json'"),
        (
            CSV,
            ["--as-of", "2026-11-01", "-o", "no/such/x.csv"],
            "the folder no/such does not exist",
        ),
        (
            CSV,
            ["--as-of", "2026-11-01", "--model", "none.json"],
            "cannot use none.json: No such file or directory",
        ),
        (CSV, ["--as-of", "2026-11-01", "--amount", "total"], "'total'"),
        (CSV.replace("120.50", "12o.50"), ["--as-of", "2026-11-01"], "the first is '12o.50'"),
        (CSV.replace("2026-10-20", "soon"), ["--as-of", "2026-11-01"], "ordered_at"),
        (
            CSV.replace("007", ""),
            ["--as-of", "2026-11-01"],
            "2 rows of orders without a customer",
        ),
        (
            "customer_id,ordered_at,amount\n",
            ["--as-of", "2026-11-01"],
            "0 customers have a counted order",
        ),
        (
            CSV.replace("2026-10-20", "03/04/2026"),
            ["--as-of", "2026-11-01"],
            "the first is '03/04/2026'",
        ),
        ("", ["--as-of", "2026-11-01"], "cannot be read"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(rfm_command, tmp_path, content, arguments, says):
    (tmp_path / "orders.csv").write_text(content)
    before = sorted(tmp_path.iterdir())
    done = rfm_command("score", "orders.csv", *arguments, code=2)
    assert says in done.stderr
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert sorted(tmp_path.iterdir()) == before


def test_a_missing_file_is_named(rfm_command):
    assert (
        "none.csv is not a file"
        in rfm_command("score", "none.csv", "--as-of", "2026-11-01", code=2).stderr
    )


def test_a_result_is_replaced_whole_or_not_at_all(rfm_command, orders, tmp_path):
    result = tmp_path / "scores.csv"
    result.write_text("the old one")
    orders.write_text(CSV.replace("120.50", "nonsense"))
    rfm_command("score", orders, "--as-of", "2026-11-01", "-o", result, code=2)
    assert result.read_text() == "the old one"
    orders.write_text(CSV)
    rfm_command("score", orders, "--as-of", "2026-11-01", "-o", result)
    assert result.read_text().startswith("customer_id,")
