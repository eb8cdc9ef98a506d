"""`make lock-check`: the lock files are in step with pyproject.toml. Needs no network."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ["dev.txt", "bench.txt", "data.txt"]


def lock(name: str) -> str:
    return (ROOT / "requirements" / name).read_text()


def pins(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", text, flags=re.MULTILINE))


def asked_for(group: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lists = [
        project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].values(),
        project["dependency-groups"][group],
        project["build-system"]["requires"],
    ]
    return [Requirement(line) for lines in lists for line in lines]


@pytest.mark.parametrize("group", ["dev", "bench"])
def test_every_requirement_of_pyproject_is_pinned_to_a_version_it_allows(group):
    pinned = pins(lock(f"{group}.txt"))
    stale = []
    for wanted in asked_for(group):
        version = pinned.get(canonicalize_name(wanted.name))
        if version is None or not wanted.specifier.contains(version):
            stale.append(f"{wanted} (locked: {version})")
    assert not stale, "run `make lock`"


@pytest.mark.parametrize("group", ["dev", "bench"])
def test_nothing_is_pinned_that_pyproject_no_longer_asks_for(group):
    blocks = re.split(r"\n(?=\S)", lock(f"{group}.txt"))
    direct = {block.split("==")[0] for block in blocks if "rfm-scoring (pyproject.toml" in block}
    assert direct == {canonicalize_name(wanted.name) for wanted in asked_for(group)}, (
        "run `make lock`"
    )


def test_the_benchmarks_run_on_the_versions_that_the_tests_run_on():
    tested, measured = pins(lock("dev.txt")), pins(lock("bench.txt"))
    assert {name: measured[name] for name in tested.keys() & measured.keys()} == {
        name: tested[name] for name in tested.keys() & measured.keys()
    }


def test_the_pinned_data_package_is_the_one_of_data_in():
    assert pins(lock("data.txt")) == pins(lock("data.in"))


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_a_hash(name):
    blocks = [block for block in re.split(r"\n(?=\S)", lock(name)) if not block.startswith("#")]
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_index_and_no_path(name):
    options = r"^\s*-(?!-hash=).*|\S+://\S+|\s/\S+"
    assert re.findall(options, lock(name), flags=re.MULTILINE) == []
