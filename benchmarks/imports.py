"""How long `import rfm` takes."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, Figure, Seconds, Trial

if TYPE_CHECKING:
    from benchmarks.bench import Steps


def import_rfm(_: int) -> Steps:
    """Import rfm, and Polars with it."""
    yield None
    yield _importing("rfm")


def import_polars(_: int) -> Steps:
    """Import Polars."""
    yield None
    yield _importing("polars")


def import_rfm_db(_: int) -> Steps:
    """Import what `import rfm` leaves to `rfm.db`."""
    yield None
    yield _importing("rfm.db")


def _importing(module: str) -> Seconds:
    """Import in a bare interpreter: this one has loaded parts of the standard library already."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return Seconds([float(done.stdout)])


BENCHES = (
    Bench(
        name="import",
        title="Importing",
        trials={
            "import rfm": Trial(import_rfm),
            "import polars": Trial(import_polars),
            "import rfm.db": Trial(import_rfm_db),
        },
        figures=(
            Figure(
                "`import rfm` against `import polars`", "import rfm", "import polars", at_most=1.15
            ),
            Figure("`import rfm.db` against `import polars`", "import rfm.db", "import polars"),
        ),
        rounds=21,
    ),
)
