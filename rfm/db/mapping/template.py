"""Slots: comments that mark what a mapping replaces in a file that ships.

A shipped file is plain SQL on the default tables, and stays valid SQL with its slots:

    lock table /* slot customers */ public.customers in access exclusive mode;

names the next word, or the next quoted text, and

    -- slot orders_select
    select o.customer_id, o.created_at as ordered_at, o.total_cents * 0.01 as amount
    from public.orders as o;
    -- slot ends

names the lines in between. `rfm.db.mapping.slots` says for each name what a mapping puts there.
"""

import re
from collections.abc import Callable, Iterator

_INLINE = re.compile(r"/\* slot (?P<name>\w+) \*/ (?P<text>'(?:[^']|'')*'|[\w.]+)")
_BLOCK = re.compile(r" *-- slot (?P<name>\w+)\n?")
_END = "ends"

Filling = Callable[[str, str], str]
"""From a slot's name and the text that it marks to the text that takes its place."""


class InvalidSlot(ValueError):
    """A shipped file has a slot that does not exist, or that stands in the wrong place."""


def fill(script: str, filling: Filling) -> str:
    """Return a script with another text in each slot; a block fills the slots inside it itself.

    >>> fill("select /* slot key */ id", lambda name, text: f'"{text}"')
    'select "id"'
    """
    parts = [
        filling(name, text)
        if name
        else _INLINE.sub(lambda slot: filling(slot["name"], slot["text"]), text)
        for name, text in pieces(script)
    ]
    return "".join(parts)


def plain(script: str) -> str:
    """Return a script without the marks of its slots."""
    unmarked = _INLINE.sub(lambda slot: slot["text"], script)
    return "".join(
        line for line in unmarked.splitlines(keepends=True) if not _BLOCK.fullmatch(line)
    )


def slot_names(script: str) -> set[str]:
    """Return the names of all slots in a script.

    >>> slot_names("select c./* slot key */ id from public.hot_leads as c")
    {'key'}
    """
    found = {slot["name"] for slot in _INLINE.finditer(script)}
    lines = (_BLOCK.fullmatch(line) for line in script.splitlines())
    return (found | {line["name"] for line in lines if line}) - {_END}


def pieces(script: str) -> Iterator[tuple[str | None, str]]:
    """Cut a script into its outermost blocks, each with its slot's name, and what is between."""
    open_slots: list[str] = []
    lines: list[str] = []
    for line in script.splitlines(keepends=True):
        mark = _BLOCK.fullmatch(line)
        ends = mark is not None and mark["name"] == _END
        if ends and not open_slots:
            raise InvalidSlot("a slot ends that did not begin")
        if (
            mark and len(open_slots) == ends
        ):  # the first line or the last line of an outermost block
            yield (open_slots[0] if ends else None), "".join(lines)
            lines = []
        else:
            lines.append(line)
        if ends:
            open_slots.pop()
        elif mark:
            open_slots.append(mark["name"])
    if open_slots:
        raise InvalidSlot(f"slot {open_slots[0]!r} does not end")
    yield None, "".join(lines)
