"""No password stands in an error or in a traceback, however the address is written."""

import traceback
from pathlib import Path

import click
import pytest
import typer
from typer.testing import CliRunner

import rfm
from rfm import db
from rfm.cli.app import app
from rfm.errors import BackfillStopped, InvalidDatabase

PARTS = ("SE", "CRET")
NOT_ESCAPED = (
    "postgresql://crm:SE@CRET@127.0.0.1:1/db",
    "postgresql://crm:SE@CRET:5@127.0.0.1:1/db",
    "postgresql://crm:SE@CRET/5@127.0.0.1:1/db",
    "postgresql://crm:SE:CRET/db",
    "postgresql://crm@SE:CRET@127.0.0.1:1/db",
    "postgresql:/crm:SE:CRET@127.0.0.1:1/db",
    "postgresql://127.0.0.1:1/db?user=crm&password=SE@CRET",
)
# these are understood; nothing listens there
UNDERSTOOD = (
    "postgresql://crm:SE:CRET@127.0.0.1:1/db",
    "postgresql://crm:SE%40CRET@127.0.0.1:1/db",
    "postgresql://crm:SE/CRET@127.0.0.1:1/db",
    "postgresql://crm:SE?CRET#@127.0.0.1:1/db",
    "postgresql://127.0.0.1:1/db?user=crm&password=SE%40CRET",
)
ADDRESSES = (*NOT_ESCAPED, *UNDERSTOOD)
MAPPING = db.Mapping.parse("""
    customers = { table = "people", key = "id", key_type = "bigint" }
    timeline = [{ type = "order", select = "select 1" }]
    orders.select = "select 1"
    orders.tables = [{ table = "sales", customer = "buyer", ordered_at = "at" }]
""")
FUNCTIONS = {
    "active_model": db.active_model,
    "activate": lambda database: db.activate(database, 1),
    "apply": db.apply,
    "backfill": db.backfill,
    "check_mapping": lambda database: db.check_mapping(database, MAPPING),
    "fit": db.fit,
    "models": db.models,
    "plan": db.plan,
    "recorded_mapping": db.recorded_mapping,
    "rescore_stale": db.rescore_stale,
    "rollback": db.rollback,
    "schedule": db.schedule,
    "score_differences": db.score_differences,
    "simulate": lambda database: db.simulate(database, rfm.PUBLISHED),
    "status": db.status,
    "store_model": lambda database: db.store_model(database, rfm.PUBLISHED),
    "stored_model": lambda database: db.stored_model(database, 1),
    "survey": db.survey,
    "verify": db.verify,
}


def assert_no_password(shown):
    assert not any(part in shown for part in PARTS), shown


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())
@pytest.mark.parametrize("address", ADDRESSES)
def test_no_function_shows_it(function, address):
    with pytest.raises(Exception, match=r"refused|@ as %40|not a URL") as caught:
        function(address)
    known = (InvalidDatabase, BackfillStopped)
    assert isinstance(caught.value, known) or type(caught.value).__name__ == "OperationalError"
    # with what led to it, and the whole of each error, but not the lines of this file
    chain = traceback.TracebackException.from_exception(caught.value, capture_locals=False)
    assert_no_password("".join(chain.format()).replace("SECRET", ""))


def leaves(group, path=()):
    """Yield the words and the click command of each command that takes an address."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group) or hasattr(command, "commands"):
            yield from leaves(command, (*path, name))
        elif any(option.name == "dsn" for option in command.params):
            yield (*path, name), command


COMMANDS = dict(leaves(typer.main.get_command(app)))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("by", ["option", "environment"])
def test_no_command_shows_it(words, address, by, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("1").write_text(rfm.PUBLISHED.to_json(), encoding="utf-8")
    # a number of a model, or a file of this name
    needed = [
        "1" for one in COMMANDS[words].params if one.param_type_name == "argument" and one.required
    ]
    needed += ["--yes" for one in COMMANDS[words].params if one.name == "yes"]
    given = ["--dsn", address] if by == "option" else []
    done = CliRunner().invoke(
        app, [*words, *needed, *given], env={"DATABASE_URL": None if given else address}
    )
    assert done.exit_code == (1 if words == ("doctor",) else 2), done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert_no_password(done.output)
