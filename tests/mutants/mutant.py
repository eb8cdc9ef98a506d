"""A mutant is one fault in one file; the TOML files of this folder list them by subject.

    file = "sql/migrations/..."    # of all mutants below that name no other

    [[mutant]]
    name = "orders without a status do not count"
    within = "create or replace view public.lead_score_orders"
    old = "o.status is null"
    new = "false"
    killer = "tests/proof/test_cases.py::test_every_engine_scores_every_case_alike"

`old` becomes `new`, in exactly one place; the killer is the test that runs first. `within` is how the
statement begins that has it, where other statements have the same text. Layout does not count: words
are compared, and slots of the mapping between them (`/* slot customers */`) are passed over and stay.
`=` stands for `operator(pg_catalog.=)`, too.
"""

import difflib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_WORD = re.compile(r"\w+|[<>=!:|]+|\S")
_GAP = r"(?:\s|/\*.*?\*/|-- slot [^\n]*)"
# what is said about an object stands behind it
_END = re.compile(r"\ncomment on ")


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    old: str
    new: str
    killer: str
    within: str = ""

    def apply(self, source):
        """Return the source with the fault; raise ValueError unless it fits exactly one place."""
        first, last = 0, len(source)
        if self.within:
            first = self._find(self.within, source, 0, last).start()
            end = _END.search(source, first)
            last = end.start() if end else last
        found = self._find(self.old, source, first, last)
        start, end, text = self._change(found)
        return f"{source[:start]} {text} {source[end:]}"

    def source(self):
        return (ROOT / self.file).read_text(encoding="utf-8")

    def _find(self, text, source, first, last):
        matches = list(_pattern(text).finditer(source, first, last))
        if len(matches) == 1:
            return matches[0]
        lines = [line.strip() for line in source[first:last].splitlines()]
        near = difflib.get_close_matches(text, lines, n=1, cutoff=0)
        raise ValueError(
            f"mutant {self.name!r} does not fit: {self.file} has {text!r} {len(matches)} times;"
            f" the nearest line is {near[0] if near else ''!r}; correct it in tests/mutants/*.toml"
        )

    def _change(self, found):
        """Return where the change starts and ends in the source, and its text.

        Words at both ends that stay are left as they are, with the slots between them.
        """
        old, new = _words(self.old), _words(self.new)
        before = _alike(old, new)
        after = _alike(old[before:][::-1], new[before:][::-1])
        start = found.end(before) if before else found.start()
        end = found.start(len(old) - after + 1) if after else found.end()
        spans = [match.span() for match in _WORD.finditer(self.new)][before : len(new) - after]
        return start, end, self.new[spans[0][0] : spans[-1][1]] if spans else ""


def _words(text):
    return _WORD.findall(text)


def _alike(one, other):
    """Return how many words at the start are alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _pattern(text):
    """Return a pattern of the words of the text, a group each, with any layout between them."""
    pattern, before = "", " "
    for word in _words(text):
        needed = re.fullmatch(r"\w", before[-1]) and re.match(r"\w", word)
        gap = f"{_GAP}{'+' if needed else '*'}" if pattern else ""
        # where a function names its operators with their schema: operator(pg_catalog.=)
        found = re.escape(word)
        if re.fullmatch(r"[<>=!|*/+-]+", word):
            found = rf"operator\(pg_catalog\.{found}\)|{found}"
        pattern, before = f"{pattern}{gap}({found})", word
    return re.compile(pattern, re.DOTALL)


def mutants():
    """Return those of all files, in the order of their names."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        found += [Mutant(**{"file": table["file"]} | entry) for entry in table["mutant"]]
    return found
