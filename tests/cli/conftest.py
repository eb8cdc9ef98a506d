"""The command line, run as a user runs it, but in this process: to start one takes seconds."""

from contextlib import chdir

import pytest
from typer.testing import CliRunner

from rfm.cli.app import app
from tests.support import address


@pytest.fixture
def rfm_command(tmp_path):
    """Run `rfm` in a folder of its own, on the engine's database, expecting an exit code."""

    def run(*arguments, code=0, engine=None, **environment):
        database = address(engine) if engine else None
        with chdir(tmp_path):
            done = CliRunner().invoke(
                app,
                [*map(str, arguments)],
                env={"DATABASE_URL": database, **environment},
                prog_name="rfm",
                catch_exceptions=False,
            )
        assert done.exit_code == code, done.output
        return done

    return run
