"""Seeded faults in the SQL and in the core: the tests have to notice each of them.

`python -m tests.mutants.run` makes each change in a copy of the project and runs the test that is known
to notice it; where that one passes, all of TESTS until the first failure. It runs a mutant on each
processor, all on one PostgreSQL server. Exits with 1 when a mutant survives.
`-k WORD` runs only those whose name has the word.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rfm.testing import server_address
from tests.mutants.mutant import ROOT, mutants

# fast ones first: the first failure ends the run
TESTS = [
    "tests/proof/test_cases.py",
    "tests/proof/test_histories.py",
    "tests/proof/test_instants.py",
    "tests/db/scoring/test_writes.py",
    "tests/db/test_proof.py",
    "tests/proof/test_rescoring.py",
    "tests/proof/test_rescoring_runs.py",
    "tests/db/rescore/test_stale.py",
    "tests/db/rescore/test_health.py",
    "tests/db/sales",
    "tests/db/schema/test_guide.py",
    "tests/db/schema/test_apply.py",
    "tests/db/schema/test_verify.py",
    "tests/db/scoring/test_concurrency.py",
    "tests/db/security",
    "tests/db/scoring/test_interleavings.py",
]
# A mutant that is not valid SQL proves nothing: this one still has to pass.
APPLIES = "tests/db/schema/test_apply.py::test_apply_creates_everything_and_records_it"
LONGEST = 900  # seconds; a test that hangs has noticed the fault, too


def mutate(mutant, folder):
    """Return a copy of the project with the fault in it."""
    copy = folder / mutant.name.replace(" ", "-").replace(":", "")
    ignored = shutil.ignore_patterns(
        ".venv*", ".git", "*_cache", "__pycache__", ".hypothesis", "benchmarks"
    )
    shutil.copytree(ROOT, copy, ignore=ignored)
    path = copy / mutant.file
    path.write_text(mutant.apply(mutant.source()), encoding="utf-8")
    # the copy's own sql/, not the installed one
    shutil.copytree(copy / "sql", copy / "rfm" / "sql")
    return copy


def first_failure(copy, tests):
    """Return the first of the tests that fails, or None."""
    options = ["-x", "-q", "-n", "0", "-m", "not spark", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *tests],
            cwd=copy,
            env={**os.environ, "RFM_TEST_DSN": server_address(), "RFM_PROOF": "mutants"},
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
        )
    except subprocess.TimeoutExpired:
        return "hung"
    if done.returncode > 1:  # no such test, or pytest itself failed: the mutant is not killed
        raise RuntimeError(done.stdout + done.stderr)
    failures = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failures[0].partition(" ")[2].partition(" - ")[0] if failures else None


def killed_by(mutant, folder):
    """Print and return which test notices the mutant; None: the mutant survives."""
    started = time.monotonic()
    copy = mutate(mutant, folder)
    test = first_failure(copy, [APPLIES, mutant.killer]) or first_failure(copy, TESTS)
    shutil.rmtree(copy)
    if test == APPLIES:
        raise RuntimeError(f"{mutant.name}: does not apply")
    verdict = f"killed by {test}" if test else "SURVIVED"
    print(f"{mutant.name}: {verdict}, {time.monotonic() - started:.0f} s", flush=True)
    return test


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-k", default="", help="only mutants whose name has this word")
    word = parser.parse_args().k
    chosen = [mutant for mutant in mutants() if word in mutant.name]
    server_address()  # started once, for all
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            tests = list(pool.map(lambda mutant: killed_by(mutant, Path(folder)), chosen))
        finally:
            pool.shutdown(cancel_futures=True)
    killed = sum(test is not None for test in tests)
    minutes = (time.monotonic() - started) / 60
    print(f"{killed} of {len(chosen)} mutants killed in {minutes:.1f} minutes")
    sys.exit(killed < len(chosen))


if __name__ == "__main__":
    main()
