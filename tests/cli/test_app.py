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
