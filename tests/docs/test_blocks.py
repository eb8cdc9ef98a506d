"""Every code block of README.md and docs/ runs: a Markdown parser finds no other blocks."""

import re
import subprocess
from importlib.metadata import metadata

import pytest
from markdown_it import MarkdownIt
from sybil.example import SybilFailure

from tests.docs import documents

DOCUMENTS = [documents.ROOT / "README.md", *sorted(documents.ROOT.glob("docs/**/*.md"))]


def fences(document):
    """Each fenced block's language and text, as a Markdown parser sees them."""
    tokens = MarkdownIt("commonmark").parse(document.read_text(encoding="utf-8"))
    assert not [token.map for token in tokens if token.type == "code_block"], "indented code"
    return [(token.info, token.content) for token in tokens if token.type == "fence"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_fenced_block_is_run(document):
    parsed = documents.DOCUMENTS.parse(document)
    lines = [example.line for example in parsed.examples()]
    # a block of `>>>` is one example for each of them, so a block is run if one begins within it
    fenced = [
        token.map or []
        for token in MarkdownIt("commonmark").parse(parsed.text)
        if token.type == "fence"
    ]
    assert all(any(first < line <= last for line in lines) for first, last in fenced)
    assert all(any(first < line <= last for first, last in fenced) for line in lines)


def test_every_language_is_one_that_something_runs():
    found = {language for document in DOCUMENTS for language, _ in fences(document)}
    assert found == {"python", "sql", "bash", "text"}


def test_every_line_that_is_not_run_stands_in_a_document():
    lines = {
        line.strip()
        for document in DOCUMENTS
        for language, content in fences(document)
        if language == "bash"
        for line in content.splitlines()
    }
    assert set(documents.NOT_RUN) <= lines


def test_the_extras_that_are_installed_exist():
    named = {
        extra
        for line in documents.NOT_RUN
        for extras in re.findall(r"'\.\[(.*?)\]", line)
        for extra in extras.split(",")
    }
    assert named
    assert named <= set(metadata("rfm-scoring").get_all("Provides-Extra") or [])


def evaluate(document):
    for example in document.examples():
        example.evaluate()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("```python\n>>> 1 + 1\n3\n```\n", "Expected:\n    3\nGot:\n    2"),
        ("```python\nassert False\n```\n", "AssertionError"),
        ("```bash\necho 1; false\n```\n", "exit code 1"),
        ("```bash\necho 1\n```\n\n```text\n2\n```\n", "Expected:\n    2\nGot:\n    1"),
        ("```bash\necho 1\n```\n\n```text\n...\n```\n", "shows nothing"),
        ("```text\n2\n```\n", "nothing was run"),
        ("```console\n$ true\n```\n", "nothing runs a block of 'console'"),
        ("```\ntrue\n```\n", "nothing runs a block of ''"),
        ("```json skip\n{}\n```\n", "nothing runs a block of 'json skip'"),
        ("```bash\nmake no-such-target\n```\n", "No rule to make target"),
    ],
)
def test_a_block_that_is_wrong_fails(tmp_path, text, says):
    document = tmp_path / "document.md"
    document.write_text(text, encoding="utf-8")
    with pytest.raises((SybilFailure, AssertionError)) as failure:
        evaluate(documents.DOCUMENTS.parse(document))
    assert says in f"{failure.type.__name__} {failure.value}"


def test_make_knows_the_targets_of_the_readme():
    for target in ("demo", "test"):
        subprocess.run(
            ["make", "--dry-run", target], cwd=documents.ROOT, check=True, stdout=subprocess.DEVNULL
        )
