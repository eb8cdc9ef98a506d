"""`rfm score` with files of every kind, options without effect, and what a terminal shows."""

import json

import polars as pl
import pytest

import rfm

CSV = """customer_id,ordered_at,amount,status
007,2026-10-20,120.50,paid
007,2026-10-30,0.10,
042,2026-01-01,19.99,paid
042,2026-10-31,500,Refunded
"""
AS_OF = ("--as-of", "2026-11-01")


@pytest.fixture
def orders(tmp_path):
    (tmp_path / "orders.csv").write_text(CSV)
    return tmp_path / "orders.csv"


def read(path):
    if path.suffix == ".xlsx":
        return pl.read_excel(path)
    if path.suffix in {".csv", ".tsv"}:
        return pl.read_csv(path, infer_schema=False, separator="," if "c" in path.suffix else "\t")
    return pl.read_ndjson(path) if path.suffix == ".ndjson" else pl.read_parquet(path)


@pytest.mark.parametrize("kind", ["csv", "tsv", "ndjson", "parquet", "xlsx"])
@pytest.mark.usefixtures("orders")
def test_equal_runs_write_equal_bytes_sorted_by_customer(rfm_command, tmp_path, kind):
    contents = []
    for number in range(2):
        name = f"{number}.{kind}"
        rfm_command("score", "orders.csv", *AS_OF, "--model", "published", "-o", name)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]
    found = read(tmp_path / f"0.{kind}")
    assert found["customer_id"].to_list() == ["007", "042"]
    assert found["lead_score"].cast(pl.Int64).to_list() == [21, 8]


def test_an_id_that_looks_like_a_formula_stays_text(rfm_command, tmp_path):
    (tmp_path / "o.csv").write_text("customer_id,ordered_at,amount\n=1+1,2026-10-20,1\n")
    rfm_command("score", "o.csv", *AS_OF, "--model", "published", "-o", "s.xlsx")
    assert pl.read_excel(tmp_path / "s.xlsx")["customer_id"].to_list() == ["=1+1"]


@pytest.mark.parametrize("written", ["orders.csv", "./orders.csv", "link.csv"])
def test_an_input_is_never_replaced(rfm_command, orders, tmp_path, written):
    (tmp_path / "link.csv").symlink_to(orders)
    for given in ("orders.csv", "*.csv", "."):
        message = rfm_command("score", given, *AS_OF, "-o", written, code=2).stderr
        assert "is read, so it is not replaced; write to another file" in message
    assert orders.read_text() == CSV


@pytest.mark.usefixtures("orders")
def test_standard_output_is_csv_and_columns_are_chosen(rfm_command):
    done = rfm_command(
        "score", "orders.csv", *AS_OF, "--model", "published", "-o", "-",
        "--columns", "customer_id,lead_score",
    )  # fmt: skip
    assert done.stdout == "customer_id,lead_score\n007,21\n042,8\n"


@pytest.mark.usefixtures("orders")
def test_a_terminal_shows_five_columns_within_80(rfm_command):
    done = rfm_command("score", "orders.csv", *AS_OF)
    assert max(map(len, done.stdout.splitlines())) <= 80
    for shown in ("customer id", "lead score", "lead category", "segment", "recency days"):
        assert shown in done.stdout
    assert "warning: quintiles of 2 customers mean little; --model published" in done.stderr
    assert (
        "warning" not in rfm_command("score", "orders.csv", *AS_OF, "--model", "published").stderr
    )


@pytest.mark.usefixtures("orders")
def test_json_has_the_report_the_model_and_the_best_customers(rfm_command):
    found = json.loads(rfm_command("score", "orders.csv", *AS_OF, "--json").stdout)
    assert found["customers"] == 2
    assert found["data_report"]["counted"] == 3
    assert [one["kind"] for one in found["data_report"]["findings"]] == ["uncounted_status"]
    assert found["best"][0]["customer_id"] == "007"
    assert rfm.Model.from_json(json.dumps(found["model"])).recency


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--json", "-o", "-"], "--json and --output - both print on standard output"),
        (["--columns", "lead_score,age"], "1 unknown column in --columns: 'age'; the scores have"),
        (["--rates", "orders.csv"], "--rates has no effect without --currency, the currency to"),
        (["--refunds", "minus"], "--refunds is 'minus'; use 'order', 'net' or 'ignore'"),
        (["--currency", "EUR"], "1 column missing from orders: 'currency'"),
        (["--decimal", ";"], "--decimal is ';'; use"),
        (["--encoding", "klingon"], "--encoding 'klingon' is unknown; use for example cp1252"),
        (["--order-id", "invoice"], "1 column missing from orders: 'invoice'"),
        (["--exclude-customers", "none.csv"], "none.csv is not a file"),
        (["--model", "publisht"], "cannot use publisht: No such file or directory"),
        (["--date-format", "%d/%m/%Y"], "the first is '2026-10-20' (orders.csv, line 2)"),
        (["-o", "."], "ends with ''"),
    ],
)
@pytest.mark.usefixtures("orders")
def test_a_wrong_call_is_one_clear_message(rfm_command, words, says):
    done = rfm_command("score", "orders.csv", *AS_OF, *words, code=2)
    assert "error: " in done.stderr
    assert says in done.stderr
    assert done.stdout == ""


def test_rules_are_options_and_the_report_names_them(rfm_command, tmp_path):
    (tmp_path / "o.csv").write_text(
        "customer_id,ordered_at,amount,status,currency,invoice,pieces\n"
        "a,2026-10-01,2.50,paid,EUR,1,2\na,2026-10-01,1,paid,EUR,1,1\na,2026-10-02,-1,paid,EUR,2,1\n"
        "b,2026-10-01,1,Returned ,EUR,3,1\nc,2026-10-01,1,paid,USD,4,1\n,2026-10-01,1,paid,EUR,5,1\n"
        "staff,2026-10-01,1,paid,EUR,6,1\n"
    )
    (tmp_path / "staff.txt").write_text("staff\n")
    columns = ("--columns", "customer_id,frequency,monetary", "-o", "-", "--model", "published")
    options = (
        "--order-id", "invoice", "--quantity", "pieces", "--currency", "EUR", "--not-counted",
        "returned", "--refunds", "net", "--drop-null-customers", "--exclude-customers", "staff.txt",
    )  # fmt: skip
    done = rfm_command("score", "o.csv", *AS_OF, *columns, *options)
    assert done.stdout == "customer_id,frequency,monetary\na,1,5.00\nb,0,0.00\nc,0,0.00\n"
    refused = rfm_command("score", "o.csv", *AS_OF, "--currency", "EUR", code=2).stderr
    assert "leave those rows out with --drop-null-customers" in refused
    refused = rfm_command("score", "o.csv", *AS_OF, "--drop-null-customers", code=2).stderr
    assert "several currencies in one column of amounts: 'EUR', 'USD'" in refused
    assert "--currency EUR" in refused
    told = rfm_command(
        "score", "o.csv", *AS_OF, "--drop-null-customers", "--currency", "EUR"
    ).stderr
    assert "--not-counted Returned leaves them out" in told
    assert "--refunds net subtracts them" in told


def test_rates_convert_with_the_rate_of_the_day(rfm_command, tmp_path):
    (tmp_path / "o.csv").write_text(
        "customer_id,ordered_at,amount,currency\na,2026-01-01,10,USD\na,2026-02-01,10,USD\n"
    )
    (tmp_path / "rates.csv").write_text(
        "currency,rate,valid_from\nUSD,0.9,2026-01-01\nUSD,0.85,2026-02-01\n"
    )
    done = rfm_command(
        "score", "o.csv", *AS_OF, "--currency", "EUR", "--rates", "rates.csv", "-o", "-",
        "--columns", "monetary", "--model", "published",
    )  # fmt: skip
    assert done.stdout == "monetary\n17.50\n"


def test_short_help_and_completion_are_there(rfm_command):
    assert "Usage" in rfm_command("score", "-h").stdout
    assert "--install-completion" in rfm_command("-h").stdout


def test_doctor_shows_one_screen_and_no_address(rfm_command, rfm_engine):
    done = rfm_command("doctor")
    assert rfm.__version__ in done.stdout
    assert "none given; pass --dsn or set DATABASE_URL" in done.stdout
    done = rfm_command("doctor", engine=rfm_engine)
    for shown in ("PostgreSQL", "the default tables", " applied", "0 waiting", "checks passed"):
        assert shown in done.stdout
    assert "postgresql://" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_doctor_fails_where_the_database_does_not_answer(rfm_command):
    dsn = "postgresql://nobody:secret@127.0.0.1:1/nothing"
    done = rfm_command("doctor", "--json", "--dsn", dsn, code=1)
    found = {one["what"]: one for one in json.loads(done.stdout)}
    assert not found["database"]["good"]
    assert "secret" not in done.stdout
