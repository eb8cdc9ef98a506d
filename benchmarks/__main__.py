"""`make bench`: run the benches, write results/*.json, the table and the charts."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import benchmarks
from benchmarks import report
from benchmarks.measure import run_module
from benchmarks.process import ROOT

RESULTS: Final = ROOT / "benchmarks" / "results"

if TYPE_CHECKING:
    from types import ModuleType


def modules() -> dict[str, ModuleType]:
    """Return the modules of this folder that have benches."""
    names = [info.name for info in pkgutil.iter_modules(benchmarks.__path__)]
    found = {
        name: importlib.import_module(f"benchmarks.{name}") for name in names if name[0] != "_"
    }
    return {name: module for name, module in found.items() if hasattr(module, "BENCHES")}


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    names = [
        f"{name} ({', '.join(bench.name for bench in module.BENCHES)})"
        for name, module in modules().items()
    ]
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"modules or benches; all of {'; '.join(names)}")
    parser.add_argument("--scale", type=float, default=1.0, help="times each size; for a quick try")
    parser.add_argument("--rounds", type=int, help="instead of each bench's own number")
    parser.add_argument("--into", type=Path, help="folder for the results")
    return parser


def chosen(names: list[str]) -> dict[ModuleType, set[str]]:
    """Return the modules to run, each with the names of its benches to run."""
    known = modules()
    wanted = {
        module: {
            bench.name for bench in module.BENCHES if not names or {key, bench.name} & {*names}
        }
        for key, module in known.items()
    }
    every = {*known, *(bench.name for module in known.values() for bench in module.BENCHES)}
    if unknown := {*names} - every:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(every))}")
    return {module: benches for module, benches in wanted.items() if benches}


def main() -> None:
    """Run, write the results, and exit with 1 if a trial failed; a missed figure is no failure."""
    arguments = parser().parse_args()
    # figures of reduced sizes must not replace those of the full sizes
    small = ROOT / "benchmarks" / "data" / "results"
    folder = arguments.into or (RESULTS if arguments.scale == 1 else small)
    folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for module, wanted in chosen(arguments.names).items():
        for result in run_module(module, wanted, arguments.scale, arguments.rounds, sys.argv[1:]):
            path = folder / f"{result['name']}.json"
            path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
            report.draw(result, folder)
            failed += len(result["failures"])
    table = report.table(report.read(folder))
    (folder / "figures.md").write_text(table, encoding="utf-8")
    print(f"\n{table}\nwritten to {folder}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
