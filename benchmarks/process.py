"""One run of a trial, in a process of its own: its peak memory and its imports are its own."""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from benchmarks.bench import Seconds

if TYPE_CHECKING:
    from benchmarks.bench import Case, Trial

ROOT: Final = Path(__file__).parents[1]

_MIB: Final = 2**20
_CHILD: Final = "import sys; from benchmarks.process import child; child(*sys.argv[1:])"


class TrialFailed(Exception):
    """A trial ended with an error."""


def run(trial: Trial) -> dict[str, Any]:
    """Run the trial in a new process; return its seconds, peak memory and answer.

    Raises TrialFailed, with the first line of the error.
    """
    name = (trial.case.__module__, trial.case.__name__)
    command = [sys.executable, "-c", _CHILD, *name, str(trial.size), *trial.words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        why = _error(done.stderr) or f"exit code {done.returncode}"
        raise TrialFailed(f"{trial} at {trial.size}: {why}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _error(stderr: str) -> str:
    """Return the first line below the traceback: an error of PostgreSQL has its context below."""
    below = stderr.rpartition("\n  File ")[2].splitlines()[1:]
    lines = [line for line in below if line and not line.startswith(" ")]
    return lines[0] if lines else stderr.strip().rpartition("\n")[2]


def child(module: str, case: str, size: str, *words: str) -> None:
    """Run a case in this process, and print what `run` returns."""
    found = run_here(getattr(importlib.import_module(module), case), int(size), *words)
    print(json.dumps(found))


def run_here(case: Case, size: int, *words: str) -> dict[str, Any]:
    """Run the case in this process.

    The peak is that of the whole process, from its start: a case that shows a peak must not prepare
    much.
    """
    steps = case(size, *words)
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
    """Return the CPU time of all threads and ended children; other work hardly changes it."""
    return sum(os.times()[:4])


def _peak() -> int:
    """Return the most memory that this process ever held, in bytes."""
    # on Linux a child inherits ru_maxrss: it would be at least its parent's
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
