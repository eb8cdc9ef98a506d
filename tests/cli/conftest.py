"""The command line, run as a user runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import address


@pytest.fixture
def rfm_command(tmp_path):
    """Run `rfm` in a folder of its own, on the engine's database, expecting an exit code."""
    program = Path(sys.executable).with_name("rfm")

    def run(*arguments, code=0, engine=None, **environment):
        clean = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
        if engine:
            environment["DATABASE_URL"] = address(engine)
        done = subprocess.run(
            [program, *map(str, arguments)],
            cwd=tmp_path,
            env={**clean, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run
