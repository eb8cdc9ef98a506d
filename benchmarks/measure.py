"""Measure the trials of a bench side by side, and return what was found.

All trials of a bench run once a round, each round in another order; a figure is the median of the
rounds' ratios. So other work on the machine slows all of them in the same way.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import nullcontext
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from benchmarks.process import TrialFailed, run
from benchmarks.surroundings import surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType

    from benchmarks.bench import Bench, Figure, Trial

_UNITS: Final = {"seconds": "s", "per_second": "a second", "cpu_seconds": "s", "peak_mib": "MiB"}


def run_module(
    module: ModuleType, wanted: set[str], scale: float, rounds: int | None, arguments: list[str]
) -> list[dict[str, Any]]:
    """Run the named benches of a module, or all of them, in its scene."""
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


# ---------------------------------------------------------------- rounds


def say(line: str) -> None:
    """Print at once, also where the output is a file."""
    print(line, flush=True)


def measure(bench: Bench, say: Callable[[str], None] = say) -> dict[str, Any]:
    """Run all rounds; return the runs of each trial and the figures.

    A trial that fails is not run again; its figures have no value.
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
    """Return the labels in another order each round, so that none always follows the same one."""
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
    """Return the trials whose answer differs from the first one of their size."""
    first: dict[int, tuple[str, object]] = {}
    found = {}
    for label, trial in bench.trials.items():
        for answer in (one["answer"] for one in runs[label] if one["answer"] is not None):
            reference, expected = first.setdefault(trial.size, (label, answer))
            if answer != expected:
                found[label] = f"answered {answer!r}, but {reference} answered {expected!r}"
    return found


def _trial_result(trial: Trial, runs: Iterable[dict[str, Any]]) -> dict[str, Any]:
    columns: dict[str, list[Any]] = defaultdict(list)
    for one in runs:
        columns["seconds"].append(round(one["seconds"], 6))
        columns["cpu_seconds"].append(round(one["cpu_seconds"], 2))
        columns["peak_mib"].append(round(one["peak_mib"], 1))
    return {"case": str(trial), "size": trial.size, **columns}


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
    ours = [_value(figure, one) for one in runs[figure.ours]]
    if figure.yardstick is None:
        return ours
    yardstick = [_value(figure, one) for one in runs[figure.yardstick]]
    return [mine / theirs for mine, theirs in zip(ours, yardstick, strict=True)]


def _value(figure: Figure, one: Mapping[str, Any]) -> float:
    return 1 / one["seconds"] if figure.of == "per_second" else float(one[figure.of])
