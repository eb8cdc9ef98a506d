"""Scores from files and frames, without a database."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.data import make
from benchmarks.files.explain import EXPLAIN
from benchmarks.files.orders import GROWTH, ORDERS
from benchmarks.files.score import SCORE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.bench import Bench

BENCHES = (ORDERS, GROWTH, SCORE, EXPLAIN)


@contextmanager
def scene(benches: Sequence[Bench]) -> Iterator[None]:
    """Make the files of orders that the benches read, and keep them for the next run."""
    read_files = [bench for bench in benches if bench.name not in {SCORE.name, EXPLAIN.name}]
    make({trial.size for bench in read_files for trial in bench.trials.values()})
    yield
