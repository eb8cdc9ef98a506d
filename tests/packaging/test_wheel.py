"""Wheel, sdist and `pip install -e .` ship the same files, and work without the source."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.resources import files
from pathlib import Path, PurePosixPath

import pytest

import rfm

ROOT = Path(__file__).parents[2]


def sql_files_of(folder):
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix in {".sql", ".toml"}
    )


SHIPPED_SQL = sql_files_of(ROOT / "sql")
NOT_SOURCE = (".venv", ".git", ".ci", "build", "dist", "*.egg-info", ".*_cache", "__pycache__")

# Runs in a venv that holds the wheel and what the wheel asks for, and nothing else.
USE = """
import datetime as dt, importlib.util, json, sys
import polars as pl
import rfm
from importlib.resources import files

orders = pl.DataFrame(
    {"customer_id": [1, 1, 2], "ordered_at": [dt.date(2026, 1, 1)] * 3, "amount": [400, 100, 0]}
)
summary = rfm.summarize_orders(orders, as_of=dt.date(2026, 1, 31))
scores = rfm.score_frame(summary, rfm.PUBLISHED).sort("customer_id")
loaded = sorted({name.split(".")[0] for name in sys.modules} & {"psycopg", "sqlalchemy", "typer"})
import rfm.db
def sql_files(folder, path=""):
    for one in folder.iterdir():
        if one.is_dir():
            yield from sql_files(one, f"{path}{one.name}/")
        elif one.name.endswith((".sql", ".toml")):
            yield f"{path}{one.name}"

print(json.dumps({
    "home": rfm.__file__,
    "loaded by import rfm": loaded,
    "extras": [name for name in ("hypothesis", "rich", "typer") if importlib.util.find_spec(name)],
    "scores": scores["lead_score"].to_list(),
    "sql": sorted(sql_files(files("rfm.sql"))),
}))
"""


def run(*command: str | Path, cwd: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command, check=False, cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        # RECORD holds the hash of METADATA and so on: it says nothing of its own
        return {n: archive.read(n) for n in archive.namelist() if not n.endswith("/RECORD")}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the sdist, and the wheels built from it and straight from the source."""
    here = tmp_path_factory.mktemp("built")
    source = here / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    build = (sys.executable, "-m", "build", "--no-isolation")
    run(*build, "--outdir", here / "by_sdist", source, cwd=here)
    run(*build, "--wheel", "--outdir", here / "direct", source, cwd=here)
    shutil.rmtree(source)
    return here


@pytest.fixture(scope="module")
def verified(tmp_path_factory):
    """A folder with the locked packages, each checked against its hash."""
    folder = tmp_path_factory.mktemp("verified")
    pip = (sys.executable, "-m", "pip", "download", "-qq", "--only-binary", ":all:", "-d", folder)
    locks = [(ROOT / "requirements" / name).read_text() for name in ("dev.txt", "data.txt")]
    pinned = folder / "pinned.txt"
    for lock in locks:
        pinned.write_text(without_spark(lock))
        run(*pip, "--no-deps", "--require-hashes", "-r", pinned, cwd=folder)
    return folder


def without_spark(lock: str) -> str:
    """Leave out the one package that is no wheel, but 400 MB of source; no extra asks for it."""
    blocks = re.split(r"\n(?=\S)", lock)
    return "\n".join(block for block in blocks if not block.startswith("pyspark=="))


def wheel_in(folder: Path) -> Path:
    [wheel] = folder.glob("*.whl")
    return wheel


def new_venv(home: Path, verified: Path, *what: str | Path) -> Path:
    """Install into a new venv, taking dependencies from `verified` alone; give its bin folder."""
    run(sys.executable, "-m", "venv", home / "venv", cwd=home)
    # --isolated: no setting of this machine adds a place to search
    pip = (home / "venv/bin/pip", "--isolated", "--disable-pip-version-check", "install", "-qq")
    run(*pip, "--no-index", "--find-links", verified, *what, cwd=home)
    return home / "venv/bin"


def test_sql_is_found_in_the_editable_install():
    home = Path(str(files("rfm.sql") / "__init__.py")).parent
    assert sql_files_of(home) == SHIPPED_SQL


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_every_sql_file(built):
    python = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("rfm/**/*.py")}
    sql = {f"rfm/sql/{path}" for path in SHIPPED_SQL}
    data = {"rfm/py.typed", "rfm/explanation/explanation.schema.json"}
    wanted = python | sql | data | {"rfm/sql/__init__.py"}
    held = {name for name in contents(wheel_in(built / "direct")) if ".dist-info/" not in name}
    assert held == wanted, "a new folder belongs into tool.setuptools.packages"


@pytest.mark.slow
def test_the_wheel_has_the_version_that_the_package_says(built):
    assert wheel_in(built / "direct").name.startswith(f"rfm_scoring-{rfm.__version__}-")


@pytest.mark.slow
def test_the_sdist_makes_the_same_wheel_as_the_source(built):
    assert contents(wheel_in(built / "by_sdist")) == contents(wheel_in(built / "direct"))


@pytest.mark.slow
def test_the_sdist_holds_licence_readme_and_sql(built):
    [sdist] = (built / "by_sdist").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        held = {str(PurePosixPath(*PurePosixPath(name).parts[1:])) for name in archive.getnames()}
    assert {"LICENSE", "README.md", *(f"sql/{path}" for path in SHIPPED_SQL)} <= held


@pytest.mark.slow
def test_the_wheel_works_without_source_and_extras(built, verified, tmp_path):
    bin_folder = new_venv(tmp_path, verified, wheel_in(built / "by_sdist"))
    said = json.loads(run(bin_folder / "python", "-c", USE, cwd=tmp_path))
    assert Path(said.pop("home")).is_relative_to(tmp_path)
    assert said == {
        "loaded by import rfm": [],
        "extras": [],
        # 30 days, 2 orders, 500 spent: 5, 2, 4. 30 days, 1 order, nothing spent: 5, 2, 1
        "scores": [23, 20],
        "sql": SHIPPED_SQL,
    }


@pytest.mark.slow
def test_the_demo_runs_from_the_wheel_with_its_two_extras(built, verified, tmp_path):
    wheel = f"rfm-scoring[cli,embedded] @ {wheel_in(built / 'by_sdist').as_uri()}"
    bin_folder = new_venv(tmp_path, verified, wheel)
    [data] = verified.glob("[Ll]ifetimes-*.whl")
    run(bin_folder / "pip", "--isolated", "install", "-qq", "--no-deps", data, cwd=tmp_path)
    assert "demo" in run(bin_folder / "rfm", "--help", cwd=tmp_path)
    assert "23,570 of 23,570 scores agree" in run(bin_folder / "rfm", "demo", cwd=tmp_path)
