"""Where a figure was measured: machine, versions, commit and command."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.process import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGES: Final = ("polars", "duckdb", "pandas", "openretailscience", "psycopg")


def surroundings(arguments: list[str], facts: Mapping[str, str]) -> dict[str, Any]:
    """Return the machine, versions, commit and command."""
    return {
        "command": " ".join(["make bench", f'ARGS="{" ".join(arguments)}"'][: 1 + bool(arguments)]),
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        # without the results: they are written while other benches still run
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
