"""What a bench is made of: cases, trials of them, and the figures found from the trials.

A case is a generator function. It prepares before its first `yield`, does what is measured, and may
yield a second time to give an answer and to clean up after that::

    def sum_in_polars(rows: int) -> Steps:
        import polars as pl          # not at the top: a case loads only what it needs

        numbers = pl.int_range(rows, eager=True)
        yield None                   # the clock starts
        total = numbers.sum()
        yield total                  # the clock stops

Its arguments are the trial's size and words. A case that measures for itself, each of many alike,
yields `Seconds`; their median counts. If cases of one size give an answer, all must give the same
one: otherwise they did not do the same work.

A bench lists trials, each a case and a size, and figures, each the ratio of two trials, or one
trial against an absolute limit. To add one, put it in `BENCHES` of a module or package in this
folder::

    BENCHES = (
        Bench(
            name="sum",              # of the files in results/, unique among all modules
            title="Summing whole numbers",
            trials={"Polars": Trial(sum_in_polars, 10**7), "Python": Trial(sum_in_python, 10**7)},
            figures=(Figure("Polars sums faster", "Polars", "Python", at_most=0.1),),
        ),
    )

A module may have a context manager `scene(benches)` that makes what its cases share, such as files
or a server. It is entered once, before the benches of the module, and left after them. It passes
things on in os.environ or as files, and may yield facts for the results, such as the version of a
server.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Steps = Iterator[object]
    Case = Callable[..., Steps]


@dataclass(frozen=True)
class Trial:
    """A case, its size, and the words that are its further arguments."""

    case: Case
    size: int = 1
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.case.__name__, *self.words])


@dataclass(frozen=True)
class Figure:
    """A claim: trial `ours` takes at most `at_most` times as much as trial `yardstick`.

    Without a yardstick the limit is absolute, in seconds or MiB. Without a limit the figure claims
    nothing, but is shown with the others. `per_second` is 1 / `seconds`.
    """

    claim: str
    ours: str
    yardstick: str | None = None
    at_most: float | None = None
    of: Literal["seconds", "per_second", "cpu_seconds", "peak_mib"] = "seconds"


@dataclass(frozen=True)
class Bench:
    """Trials that run in turns, the figures found from them, and a chart over their sizes."""

    name: str
    title: str
    trials: Mapping[str, Trial]
    figures: tuple[Figure, ...]
    rounds: int = 5
    chart: str = ""
    """What a size counts: the label of the chart's axis. No chart without one. Trials whose labels
    differ only after the last comma, such as "rfm, 1M" and "rfm, 10M", are one curve."""

    def scaled(self, scale: float) -> Bench:
        """Return the bench at other sizes, of at least 1."""
        trials = {
            label: replace(trial, size=max(1, round(trial.size * scale)))
            for label, trial in self.trials.items()
        }
        return replace(self, trials=trials)


class Seconds(tuple[float, ...]):
    """One or more times that a case measured itself; they replace the clock around the case."""

    __slots__ = ()
