"""The tree of commands, their help, and what a failed call prints."""

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

import rfm
from rfm.cli.app import app


def commands(group, path=()):
    """Yield the words of every command, groups among them."""
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


@pytest.mark.parametrize("words", [*commands(typer.main.get_command(app))], ids=" ".join)
def test_every_command_has_help(words):
    # in this process: to start one for each takes most of a minute
    done = CliRunner().invoke(app, [*words, "--help"])
    assert done.exit_code == 0
    assert "Usage" in done.stdout


def test_version_is_told(rfm_command):
    assert rfm_command("--version").stdout == f"rfm {rfm.__version__}\n"


@pytest.mark.parametrize("command", ["plan", "apply", "status", "verify", "rescore-stale"])
def test_a_database_that_does_not_answer_is_one_line(rfm_command, command):
    dsn = "postgresql://nobody@127.0.0.1:1/nothing"
    done = rfm_command("db", command, "--dsn", dsn, code=2)
    assert done.stderr.startswith("error: the database says: ")
    assert "Traceback" not in done.stderr


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "rfm", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"rfm {rfm.__version__}\n"


def test_without_its_extra_the_command_says_how_to_install_it():
    program = "import sys; sys.modules['typer'] = None; import rfm.cli"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == (
        "error: the command line is not installed; pip install 'rfm-scoring[cli]'\n"
    )


@pytest.fixture
def unusable(tmp_path):
    """A folder with paths that cannot be read or written as a command expects."""
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "binary.json").write_bytes(b"\xff\x00")
    (tmp_path / "binary.csv").write_bytes(b"customer_id,ordered_at,amount\n1,\xff,2\n")
    (tmp_path / "binary.parquet").write_bytes(b"no parquet")
    (tmp_path / "binary.toml").write_bytes(b"\xff")
    (tmp_path / "orders.csv").write_text("customer_id,ordered_at,amount\n1,2026-10-01,1\n")
    return tmp_path


AS_OF = ("--as-of", "2026-11-01")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("score", "folder.csv", *AS_OF), "0 files in the folder folder.csv"),
        (("score", "binary.csv", *AS_OF), "cannot be read"),
        (("score", "binary.parquet", *AS_OF), "cannot be read"),
        (("score", "orders.csv", *AS_OF, "--model", "folder.json"), "cannot use folder.json"),
        (
            ("score", "orders.csv", *AS_OF, "--model", "binary.json"),
            "binary.json is not a model.json",
        ),
        (("score", "orders.csv", *AS_OF, "--model", "orders.csv"), "not JSON"),
        (
            ("score", "orders.csv", *AS_OF, "-o", "orders.csv/scores.csv"),
            "orders.csv does not exist",
        ),
        (("db", "export", "orders.csv"), "cannot use orders.csv/supabase"),
        (("db", "export", "--mapping", "folder.json"), "the mapping folder.json cannot be read"),
        (("db", "export", "--mapping", "binary.toml"), "the mapping binary.toml cannot be read"),
    ],
)
@pytest.mark.usefixtures("unusable")
def test_a_path_that_cannot_be_used_is_one_line(rfm_command, words, says):
    done = rfm_command(*words, code=2)
    assert "error: " in done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("score",),
        ("score", "orders.csv"),
        ("db", "backfill", "--batch", "many"),
        ("model", "activate", "two"),
        ("model", "nonsense"),
        ("nonsense",),
    ],
    ids=" ".join,
)
def test_a_word_that_no_command_knows_shows_where_the_help_is(rfm_command, words):
    message = rfm_command(*words, code=2).stderr
    assert "--help' for help" in message
    assert "Traceback" not in message
