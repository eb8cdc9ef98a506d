"""Tables fit a terminal of 80 columns: cells are folded, and nothing is cut off."""

from io import StringIO

import pytest
from rich.console import Console

from rfm.cli import output


@pytest.fixture
def printed(monkeypatch):
    """Return what is printed on a terminal of 80 columns."""
    text = StringIO()
    console = Console(file=text, width=80, markup=False, highlight=False)
    monkeypatch.setattr(output, "_out", console)
    return text


def test_a_long_cell_is_folded_and_keeps_every_character(printed):
    name = "abcdefghij" * 12
    output.print_table("Long", ["name", "number"], [(name, 7)])
    lines = printed.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert "".join(line.split("│")[1].strip() for line in lines if "│" in line) == name


def test_a_line_is_never_folded(printed):
    output.print_line("word " * 60)
    assert printed.getvalue() == "word " * 60 + "\n"


def test_square_brackets_are_text_and_none_is_empty(printed):
    output.print_table("[bold]", ["[a]"], [("[/b]",), (None,)])
    for shown in ("[bold]", "[a]", "[/b]"):
        assert shown in printed.getvalue()
    assert "None" not in printed.getvalue()
