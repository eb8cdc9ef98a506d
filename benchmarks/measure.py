"""Measure cases side by side, and write down what was found.

A case is a generator function of one number, its size. It prepares before its first `yield`, does
what is measured, and may yield a second time to give an answer and to clean up after that::

    def sum_in_polars(rows: int) -> Iterator[object]:
        import polars as pl          # here, not above: each case loads no more than it needs

        numbers = pl.int_range(rows, eager=True)
        yield                        # the clock starts
        total = numbers.sum()
        yield total                  # the clock stops

A case that measures for itself, each of many alike, yields `Seconds`, whose median is taken.
Cases of one size that answer have to give the same answer, or they did not do the same work.

A bench lists trials, each a case and a size, and figures, each the ratio of two trials, or one
trial against an absolute limit. To add one, put it in `BENCHES` of a module in this folder::

    BENCHES = (
        Bench(
            name="sum",              # of the files in results/, unique among all modules
            title="Summing whole numbers",
            trials={"Polars": Trial(sum_in_polars, 10**7), "Python": Trial(sum_in_python, 10**7)},
            figures=(Figure("Polars sums faster", "Polars", "Python", at_most=0.1),),
        ),
    )

Each run of a trial is a process of its own, so that its peak memory and its imports are its own.
All trials of a bench run once a round, each round in another order; a figure is the median of the
rounds' ratios. So whatever else keeps the machine busy meets all of them alike.

What cases share, such as files or a server, is made by a context manager `scene(benches)` of the
module, if it has one: entered once, before its benches; left after them. It hands things on in
os.environ or as files, and may yield facts to be written down, such as a server's version.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import ModuleType

ROOT: Final = Path(__file__).parents[1]
RESULTS: Final = ROOT / "benchmarks" / "results"
PACKAGES: Final = ("polars", "duckdb", "pandas", "openretailscience", "psycopg")

_MIB: Final = 2**20
_CHILD: Final = "import sys; from benchmarks.measure import child; child(*sys.argv[1:])"
_UNITS: Final = {"seconds": "s", "cpu_seconds": "s", "peak_mib": "MiB"}


@dataclass(frozen=True)
class Trial:
    """A case at a size."""

    case: Callable[[int], Iterator[object]]
    size: int = 1


@dataclass(frozen=True)
class Figure:
    """A claim: what trial `ours` takes is at most `at_most` times what trial `yardstick` takes.

    Without a yardstick the limit is absolute, in seconds or MiB. Without a limit the figure claims
    nothing: it is there to be seen beside the others, as a slow case is.
    """

    claim: str
    ours: str
    yardstick: str | None = None
    at_most: float | None = None
    of: Literal["seconds", "cpu_seconds", "peak_mib"] = "seconds"


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
    """What a case has measured itself, each time of one or more, instead of the clock around it."""

    __slots__ = ()


class TrialFailed(Exception):
    """A trial ended with an error, or answered otherwise than the others of its size."""


# ---------------------------------------------------------------- one run, in a process of its own


def run(trial: Trial) -> dict[str, Any]:
    """Run the trial in a new process; return its seconds, peak memory and answer.

    Raises TrialFailed, with the process's last words.
    """
    case = trial.case
    command = [sys.executable, "-c", _CHILD, case.__module__, case.__name__, str(trial.size)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise TrialFailed(f"{case.__name__} at {trial.size}: {lines[-1]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def child(module: str, case: str, size: str) -> None:
    """Run a case in this process, and print what `run` returns."""
    found = run_here(getattr(importlib.import_module(module), case), int(size))
    print(json.dumps(found))


def run_here(case: Callable[[int], Iterator[object]], size: int) -> dict[str, Any]:
    """Run the case in this process.

    The peak is the process's, whose start counts too: a case that is to show its own peak has to
    prepare little.
    """
    steps = case(size)
    next(steps)
    busy, started = _cpu_seconds(), time.perf_counter()
    answer = next(steps, None)
    seconds, busy = time.perf_counter() - started, _cpu_seconds() - busy
    if isinstance(answer, Seconds):
        seconds, busy, answer = median(answer), busy / len(answer), None
    peak = _peak()
    next(steps, None)
    return {"seconds": seconds, "cpu_seconds": busy, "peak_mib": peak / _MIB, "answer": answer}


def _cpu_seconds() -> float:
    """Return what all threads and ended child processes computed: other work hardly changes it."""
    return sum(os.times()[:4])


def _peak() -> int:
    """Return the most memory that this process ever held, in bytes."""
    # Linux hands ru_maxrss down to a child, whose peak is then its parent's at least
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


# ---------------------------------------------------------------- rounds


def say(line: str) -> None:
    """Print at once, also where the output is a file."""
    print(line, flush=True)


def measure(bench: Bench, say: Callable[[str], None] = say) -> dict[str, Any]:
    """Run all rounds; return the runs of each trial and the figures.

    A trial that fails is not run again, and its figures stay without a value.
    """
    say(f"\n{bench.title} ({bench.rounds} rounds)")
    runs: dict[str, list[dict[str, Any]]] = {label: [] for label in bench.trials}
    failures: dict[str, str] = {}
    for number in range(bench.rounds):
        for label in _turn(list(bench.trials), number):
            if label not in failures:
                _run_once(label, bench.trials[label], runs[label], failures, say)
    failures |= _disagreements(bench, runs)
    return {
        "name": bench.name,
        "title": bench.title,
        "rounds": bench.rounds,
        "chart": bench.chart,
        "trials": {
            label: _trial_result(trial, runs[label]) for label, trial in bench.trials.items()
        },
        "figures": [figure_result(figure, runs, failures) for figure in bench.figures],
        "failures": failures,
    }


def _turn(labels: list[str], number: int) -> list[str]:
    """Return the labels from another start each round, so that none always follows the same one."""
    start = number % len(labels)
    turned = labels[start:] + labels[:start]
    return turned[::-1] if number % 2 else turned


def _run_once(
    label: str,
    trial: Trial,
    runs: list[dict[str, Any]],
    failures: dict[str, str],
    say: Callable[[str], None],
) -> None:
    try:
        found = run(trial)
    except TrialFailed as failure:
        failures[label] = str(failure)
        say(f"  {label:<44} FAILED: {failure}")
        return
    runs.append(found)
    say(f"  {label:<44} {found['seconds']:9.3f} s {found['peak_mib']:9,.0f} MiB")


def _disagreements(bench: Bench, runs: Mapping[str, list[dict[str, Any]]]) -> dict[str, str]:
    """Tell which trials answered otherwise than the first of their size."""
    first: dict[int, tuple[str, object]] = {}
    found = {}
    for label, trial in bench.trials.items():
        for answer in (one["answer"] for one in runs[label] if one["answer"] is not None):
            reference, expected = first.setdefault(trial.size, (label, answer))
            if answer != expected:
                found[label] = f"answered {answer!r}, and {reference} {expected!r}"
    return found


def _trial_result(trial: Trial, runs: Iterable[dict[str, Any]]) -> dict[str, Any]:
    columns: dict[str, list[Any]] = defaultdict(list)
    for one in runs:
        columns["seconds"].append(round(one["seconds"], 4))
        columns["cpu_seconds"].append(round(one["cpu_seconds"], 2))
        columns["peak_mib"].append(round(one["peak_mib"], 1))
    return {"case": trial.case.__name__, "size": trial.size, **columns}


def figure_result(
    figure: Figure, runs: Mapping[str, list[dict[str, Any]]], failures: Mapping[str, str]
) -> dict[str, Any]:
    """Return the figure: its value in each round, their median, and whether it was met."""
    values = [] if {figure.ours, figure.yardstick} & failures.keys() else _values(figure, runs)
    middle = median(values) if values else None
    return {
        "claim": figure.claim,
        "ours": figure.ours,
        "yardstick": figure.yardstick,
        "unit": "ratio" if figure.yardstick else _UNITS[figure.of],
        "of": figure.of,
        "at_most": figure.at_most,
        "values": [round(value, 4) for value in values],
        "median": middle,
        "met": None if middle is None or figure.at_most is None else middle <= figure.at_most,
    }


def _values(figure: Figure, runs: Mapping[str, list[dict[str, Any]]]) -> list[float]:
    ours = [one[figure.of] for one in runs[figure.ours]]
    if figure.yardstick is None:
        return ours
    yardstick = [one[figure.of] for one in runs[figure.yardstick]]
    return [mine / theirs for mine, theirs in zip(ours, yardstick, strict=True)]


# ---------------------------------------------------------------- where it was measured


def surroundings(arguments: list[str], facts: Mapping[str, str]) -> dict[str, Any]:
    """Return what a figure has to name: machine, versions, commit and command."""
    return {
        "command": " ".join(["make bench", f'ARGS="{" ".join(arguments)}"'][: 1 + bool(arguments)]),
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        # results are written while others are still measured
        "clean": not _git("status", "--porcelain", "--", ".", ":!benchmarks/results"),
        "started": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "load_when_started": round(os.getloadavg()[0], 2),
        "machine": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
            "system": f"{platform.system()} {platform.release()}",
        },
        "versions": {"python": platform.python_version(), **_versions(), **facts},
    }


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown" * bool(done.returncode)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _versions() -> dict[str, str]:
    installed = {}
    for name in PACKAGES:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed


# ---------------------------------------------------------------- modules and files


def run_module(
    module: ModuleType, wanted: set[str], scale: float, rounds: int | None, arguments: list[str]
) -> list[dict[str, Any]]:
    """Run the wanted benches of a module, or all, in its scene."""
    benches = [
        replace(bench, rounds=rounds or bench.rounds).scaled(scale)
        for bench in module.BENCHES
        if not wanted or bench.name in wanted
    ]
    scene = module.scene(benches) if hasattr(module, "scene") else nullcontext()
    results = []
    with scene as facts:
        for bench in benches:
            context = surroundings(arguments, facts or {})
            results.append({**measure(bench), "scale": scale, **context})
    return results
