"""The reference is complete: nothing public is missing from it, and nothing in it is made up."""

import inspect
import re
from pathlib import Path

import polars as pl
import pytest
import typer
from sqlalchemy import text

import rfm
import rfm.testing
from rfm import db, errors, warehouse
from rfm.cli.app import app
from rfm.db.schema.migrations import migrations
from rfm.db.sql import sql_names
from tests.support import API_ROLES, supabase

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]


def section(document, title):
    """Return the text below a heading, up to the next one of the same or a higher level."""
    rest = (REFERENCE / document).read_text(encoding="utf-8").partition(f"{title}\n")[2]
    assert rest, f"{document} has no heading {title!r}"
    depth = title.count("#")
    return re.split(rf"^#{{1,{depth}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text):
    """Return the cells of each row of each table, but for the headers."""
    table = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ")
    ]
    return [cells for cells in table if len(cells) > 1]


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


# ---------------------------------------------------------------- Python


def documented(title):
    """Return name -> parameters as documented (None where there is no parenthesis)."""
    entries = [names(cells[0])[0] for cells in rows(section("python.md", title)) if names(cells[0])]
    parts = [re.fullmatch(r"(\w+)(?:\((.*)\))?", entry) for entry in entries]
    return {match[1]: match[2] for match in parts if match}


def parameters(function):
    """Write a signature as the reference does: names and defaults, no types."""
    shown = []
    keyword_only = False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            shown.append("*")
        default = parameter.default
        if parameter.kind is parameter.VAR_KEYWORD:
            shown.append(f"**{parameter.name}")
        elif default is parameter.empty:
            shown.append(parameter.name)
        elif default in (rfm.PUBLISHED, rfm.GRID):
            name = "GRID" if default == rfm.GRID else "PUBLISHED"
            shown.append(f"{parameter.name}={name}")
        else:
            shown.append(f"{parameter.name}={default!r}".replace("'", '"'))
    return ", ".join(shown)


TESTING = {name for name in rfm.testing.__all__ if not name.startswith("rfm_")}


@pytest.mark.parametrize(
    ("title", "module", "public"),
    [
        ("### Orders, summary, model, scores", rfm, set(rfm.__all__)),
        ("## rfm.db", db, set(db.__all__)),
        ("## rfm.testing", rfm.testing, TESTING),
        ("## rfm.warehouse", warehouse, set(warehouse.__all__)),
    ],
    ids=["rfm", "rfm.db", "rfm.testing", "rfm.warehouse"],
)
def test_every_public_name_is_documented_with_its_signature(title, module, public):
    found = documented(title)
    wanted = {
        name
        for name in public
        if not (
            isinstance(getattr(module, name), type)
            and issubclass(getattr(module, name), errors.RfmError)
        )
    }
    assert set(found) == wanted
    for name, shown in found.items():
        if shown is not None:
            assert shown == parameters(getattr(module, name)), name
        else:
            assert not inspect.isfunction(getattr(module, name)), f"{name} has a signature"


def test_every_error_is_documented_with_its_parent():
    found = {
        names(cells[0])[0]: names(cells[1])
        for cells in rows(section("python.md", "### Errors"))
        if names(cells[0])
    }
    tree = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.RfmError)
    }
    assert set(found) == set(tree)
    for name, parents in found.items():
        bases = {base.__name__ for base in tree[name].__mro__[1:]}
        assert set(parents) <= bases, name


def test_the_fixtures_are_documented():
    how_to = (ROOT / "docs/how-to/test-my-project.md").read_text(encoding="utf-8")
    fixtures = [name for name in rfm.testing.__all__ if name.startswith("rfm_")]
    assert fixtures
    assert all(f"`{name}`" in how_to for name in fixtures)


def test_every_segment_stands_in_its_cell():
    for recency, *cells in rows(section("python.md", "### Segments"))[1:]:
        for frequency, shown in enumerate(cells, start=1):
            scores = pl.DataFrame({"rfm_recency": [int(recency)], "rfm_frequency": [frequency]})
            scores = scores.with_columns(rfm_monetary=3, frequency=9)
            assert scores.select(rfm.segment()).item() == shown


# ---------------------------------------------------------------- command line


def commands(group, path="rfm"):
    """Yield every command with its full name, groups among them."""
    yield path, group
    for name, command in sorted(getattr(group, "commands", {}).items()):
        yield from commands(command, f"{path} {name}")


COMMANDS = dict(commands(typer.main.get_command(app)))


def spellings(command):
    """Every option as it is typed, and every argument by its name."""
    return {
        word
        for parameter in command.params
        for word in (*parameter.opts, *parameter.secondary_opts)
        if word != "--help"
    }


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "rfm"])
def test_every_command_is_documented_with_its_options(name):
    depth = "#" * (1 + min(name.count(" "), 2))
    body = re.split(r"^#", section("command-line.md", f"{depth} {name}"), flags=re.MULTILINE)[0]
    found = {word for cells in rows(body) for word in names(cells[0])}
    assert found == spellings(COMMANDS[name])


def test_no_command_is_made_up():
    text = (REFERENCE / "command-line.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^#+ (rfm.*)$", text, flags=re.MULTILINE)) == set(COMMANDS) - {"rfm"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_commands_within_the_text_exist(document):
    for words in re.findall(r"`rfm ([a-z][^`]*)`", document.read_text(encoding="utf-8")):
        path = "rfm"
        for word in words.split():
            if f"{path} {word}" in COMMANDS:
                path = f"{path} {word}"
            elif word.startswith("-"):
                assert word in spellings(COMMANDS[path]), words
        assert path != "rfm", words


# ---------------------------------------------------------------- SQL

SQL_ROWS = [
    (kind, names(name)[0], who)
    for kind, name, _, who in (
        cells
        for cells in rows((REFERENCE / "sql.md").read_text(encoding="utf-8"))
        if len(cells) == 4 and cells[0] != "kind"
    )
]


def test_every_object_of_the_migrations_is_documented():
    created = [
        (one.kind, str(one).removeprefix(f"{one.kind} ").replace("public.", ""))
        for m in migrations()
        for one in m.objects
    ]
    assert sorted((kind, name) for kind, name, _ in SQL_ROWS) == sorted(created)


def test_every_query_is_documented():
    found = [
        name
        for cells in rows(
            (REFERENCE / "sql.md").read_text(encoding="utf-8").partition("## Queries")[2]
        )
        for name in names(cells[0])
    ]
    folders = ("explanation", "history", "maintenance", "models", "scores", "segments", "timeline")
    shipped = [f"{one}/{name}" for one in folders for name in sql_names(f"queries/{one}")]
    assert sorted(found) == shipped


@pytest.fixture(scope="module")
def migrated():
    with supabase() as engine:
        db.apply(engine)
        db.enable_history(engine)
        yield engine


@pytest.mark.parametrize(
    ("kind", "name", "who"),
    [row for row in SQL_ROWS if row[0] not in {"column", "index", "trigger"}],
)
def test_who_may_use_it_is_true(migrated, kind, name, who):
    asks = (
        "select has_function_privilege(:role, :name, 'execute')"
        if kind in {"function", "procedure"}
        else "select has_table_privilege(:role, :name, 'select')"
    )
    with migrated.connect() as connection:
        may = {
            role
            for role in API_ROLES
            if connection.scalar(text(asks), {"role": role, "name": f"public.{name}"})
        }
    assert may == (set() if who == "owner alone" else set(who.split(", ")))
