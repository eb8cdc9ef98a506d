"""The command line names options where the library names arguments."""

import ast
from pathlib import Path

import pytest
import typer

import rfm
from rfm.cli.app import app
from tests.support import run

LIBRARY = Path(rfm.__file__).parent


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["db", "status"], "no database given; pass --dsn or set DATABASE_URL"),
        (["db", "backfill", "--batch", "0"], "1 problem: --batch is 0, not at least 1"),
        (["db", "backfill", "--lock-timeout", "0"], "--lock-timeout is 0.0, not at least 0.001"),
        (
            ["db", "backfill", "--workers", "0", "--max-lag-bytes", "-1"],
            "2 problems:\n  - --workers is 0, not at least 1\n  - --max-lag-bytes is -1, not at least 0",
        ),
        (
            ["score", "orders.csv", "--as-of", "2026-11-01"],
            "name yours, for example --customer-id buyer",
        ),
        (
            ["score", "none.csv", "--as-of", "2026-11-01", "--customer-id", "x"],
            "take a later --as-of",
        ),
    ],
)
def test_a_message_names_the_options_of_the_command(rfm_command, tmp_path, words, says):
    (tmp_path / "orders.csv").write_text("buyer,ordered_at,amount\n1,2026-10-01,1\n")
    (tmp_path / "none.csv").write_text("x,ordered_at,amount\n")
    message = rfm_command(*words, code=2).stderr
    assert says in message
    assert "`" not in message


def test_a_fit_on_too_few_customers_names_its_option(rfm_command, rfm_engine):
    run(
        rfm_engine,
        """
        insert into customers (email) values ('ada@example.org');
        insert into orders (customer_id, total_cents) select id, 100 from customers;
        """,
    )
    message = rfm_command("model", "fit", engine=rfm_engine, code=2).stderr
    assert "pass a smaller --min-customers" in message


def test_a_migration_that_is_missing_is_met_with_the_command_that_applies_it(
    rfm_command, rfm_crm_engine
):
    message = rfm_command("model", "list", engine=rfm_crm_engine, code=2).stderr
    assert "run `rfm db apply`, then try again" in message


def option_names(command):
    for parameter in command.params:
        yield from (name for name in parameter.opts if name.startswith("--"))
    for inner in getattr(command, "commands", {}).values():
        yield from option_names(inner)


def strings(path):
    """Yield the strings of a module that are not docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
        ):
            yield node.value


def test_no_message_of_the_library_names_an_option():
    options = set(option_names(typer.main.get_command(app)))
    assert "--min-customers" in options
    found = [
        (path.name, text)
        for path in LIBRARY.rglob("*.py")
        if "cli" not in path.relative_to(LIBRARY).parts
        for text in strings(path)
        if options & set(text.split())
    ]
    assert found == []
