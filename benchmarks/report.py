"""Tables and charts of what was measured."""

from __future__ import annotations

import json
from importlib.util import find_spec
from statistics import median
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_HEAD: Final = """| figure | target | measured | lowest to highest | met |
|---|---|---|---|---|
"""
_TRIALS: Final = """| trial | size | seconds, median | lowest to highest | CPU seconds | peak MiB |
|---|---|---|---|---|---|
"""
_AXES: Final = {"seconds": "seconds", "peak_mib": "peak memory, MiB"}


def read(folder: Path) -> list[dict[str, Any]]:
    """Return the results in the folder, in order of their names."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def table(results: Iterable[dict[str, Any]]) -> str:
    """Return Markdown: for each result its figures, its trials, and where it was measured."""
    return "\n".join(map(_section, results))


def _section(result: dict[str, Any]) -> str:
    full_size = result["scale"] == 1
    figures = "".join(_figure_row(figure, judged=full_size) for figure in result["figures"])
    trials = "".join(_trial_row(*item) for item in result["trials"].items())
    failures = "".join(f"- {label}: {why}\n" for label, why in result["failures"].items())
    return (
        f"## {result['title']}\n\n{_HEAD}{figures}\n"
        f"{_TRIALS}{trials}\n{'Failed:' * bool(failures)}\n{failures}\n{_place(result)}"
    ).replace("\n\n\n", "\n\n")


def _figure_row(figure: dict[str, Any], *, judged: bool) -> str:
    unit = "×" if figure["unit"] == "ratio" else f" {figure['unit']}"
    limit = "none" if figure["at_most"] is None else f"at most {_number(figure['at_most'])}{unit}"
    met = {True: "yes", False: "**no**", None: ""}[figure["met"] if judged else None]
    if not figure["values"]:
        return f"| {figure['claim']} | {limit} | failed | | |\n"
    low, high = map(_number, (min(figure["values"]), max(figure["values"])))
    value = f"{_number(figure['median'])}{unit}"
    return f"| {figure['claim']} | {limit} | {value} | {low} to {high} | {met} |\n"


def _trial_row(label: str, trial: dict[str, Any]) -> str:
    seconds = trial.get("seconds")
    if not seconds:
        return f"| {label} | {trial['size']:,} | failed | | | |\n"
    low, middle, high = map(_number, (min(seconds), median(seconds), max(seconds)))
    busy, peak = _number(median(trial["cpu_seconds"])), f"{median(trial['peak_mib']):,.0f}"
    return f"| {label} | {trial['size']:,} | {middle} | {low} to {high} | {busy} | {peak} |\n"


def _number(value: float) -> str:
    """Return three digits, or all before the point."""
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"  # noqa: PLR2004


def _place(result: dict[str, Any]) -> str:
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    tree = "" if result["clean"] else " with uncommitted changes"
    reduced = "" if result["scale"] == 1 else f" Sizes times {result['scale']}: no claim."
    return (
        f"`{result['command']}` at {result['commit']}{tree}, {result['started']}; "
        f"{result['rounds']} rounds; {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, {machine['system']}, load of {result['load_when_started']} "
        f"when it started; {versions}.{reduced}\n"
    )


def draw(result: dict[str, Any], folder: Path) -> None:
    """Draw seconds and peak memory over the sizes, if the bench has a chart."""
    if not result["chart"]:
        return
    if find_spec("matplotlib") is None:
        print(f"no chart of {result['name']}: `make bench` installs matplotlib")
        return
    # matplotlib: writes SVG without a browser, and the same bytes for the same numbers
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update({"svg.hashsalt": "rfm", "svg.fonttype": "none"})
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, (of, label) in zip(figure.subplots(1, 2), _AXES.items(), strict=True):
        for case, points in _curves(result, of).items():
            sizes, lows, middles, highs = zip(*points, strict=True)
            axes.plot(sizes, middles, marker="o", label=case)
            axes.fill_between(sizes, lows, highs, alpha=0.2)
        axes.set(xscale="log", yscale="log", xlabel=result["chart"], ylabel=label)
        axes.grid(visible=True, alpha=0.3)
    figure.axes[0].legend()
    figure.savefig(folder / f"{result['name']}.svg", metadata={"Date": None})


def _curves(result: dict[str, Any], of: str) -> dict[str, list[tuple[float, ...]]]:
    """Return the points of each case: size, lowest, median, highest."""
    curves: dict[str, list[tuple[float, ...]]] = {}
    for label, trial in result["trials"].items():
        found = trial.get(of)
        if found:
            point = (trial["size"], min(found), median(found), max(found))
            curves.setdefault(label.rpartition(",")[0] or label, []).append(point)
    return {case: sorted(points) for case, points in curves.items()}
