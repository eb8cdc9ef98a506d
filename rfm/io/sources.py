"""Which files are read, and of which kind each one is."""

from __future__ import annotations

import glob
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from rfm._check.wording import count
from rfm.errors import InvalidFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

KINDS: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
}
STANDARD: Final = "-"
"""The name that stands for standard input or output."""

_ENDINGS: Final = ".csv, .tsv, .txt, .ndjson, .parquet or .xlsx"
_COMPRESSED: Final = (".gz", ".zst")
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_COMPRESSION_MARKS: Final = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
_MARKS: Final = {b"PAR1": "parquet", b"PK\x03\x04": "xlsx", b"{": "ndjson"}


class FileFormat(NamedTuple):
    """How text in files is written; what is None is found out.

    separator: the character between two columns.
    decimal: the decimal mark, "." or ",". If it is given, the other one, a blank and an apostrophe
        may group the digits of an amount in threes.
    date_format: how times are written, such as "%d/%m/%Y %H:%M"; by default ISO 8601.
    encoding: the encoding of the text; by default UTF-8, or UTF-16 if the file begins so.
    """

    separator: str | None = None
    decimal: str | None = None
    date_format: str | None = None
    encoding: str | None = None


class Source(NamedTuple):
    """A file of orders, or what was read from standard input.

    folders: the `key=value` folders that the file lies in, below the folder that was asked for.
    """

    name: str
    content: Path | bytes
    kind: str
    tabs: bool = False
    folders: tuple[tuple[str, str], ...] = ()


def find_sources(paths: Iterable[str | Path]) -> list[Source]:
    """Return the files that are meant, each one once.

    paths: files, folders (every readable file below them), patterns such as `2026/*.csv`, or `-`.

    Raises InvalidFile for a file that is missing or of another kind, and for a folder or a pattern
    without files.
    """
    found: dict[object, Source] = {}
    for path in paths:
        for source in _sources(str(path)):
            key = source.content.resolve() if isinstance(source.content, Path) else STANDARD
            found.setdefault(key, source)
    if not found:
        raise InvalidFile("no file of orders was given")
    return list(found.values())


def kind_of(path: Path) -> tuple[str, bool]:
    """Return the kind of a file by its ending, and whether tabs separate its columns."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    kind = KINDS.get(suffixes[-1]) if suffixes else None
    if kind is None:
        raise InvalidFile(f"{path.name} ends with {path.suffix!r}; use {_ENDINGS}")
    if kind in {"parquet", "xlsx"} and path.suffix.lower() in _COMPRESSED:
        raise InvalidFile(f"{path.name} is compressed twice; unpack it first")
    return kind, suffixes[-1] == ".tsv"


def decoded(source: Source, encoding: str | None) -> Path | bytes:
    """Return the source in UTF-8: itself, unless it has another encoding."""
    if encoding is None:
        if not _begin(source.content).startswith(_UTF16_MARKS):
            return source.content
        encoding = "utf-16"
    content = source.content
    raw = content.read_bytes() if isinstance(content, Path) else content
    if raw.startswith(_COMPRESSION_MARKS):
        raise InvalidFile(f"{source.name} is compressed and not UTF-8; unpack it first")
    try:
        return raw.decode(encoding).encode()
    except LookupError:
        raise InvalidFile(f"`encoding` {encoding!r} is unknown; use for example cp1252") from None
    except UnicodeDecodeError:
        raise InvalidFile(f"{source.name} is not in the `encoding` {encoding!r}") from None


def _begin(content: Path | bytes) -> bytes:
    if isinstance(content, bytes):
        return content[:8]
    with content.open("rb") as file:
        return file.read(8)


def _sources(path: str) -> Iterator[Source]:
    if path == STANDARD:
        yield _standard_input()
        return
    given = Path(path)
    if given.is_dir():
        yield from _below(given)
    elif given.is_file():
        yield _source(given, ())
    elif glob.has_magic(path):
        yield from _matches(path)
    else:
        raise InvalidFile(f"{path} is not a file")


def _matches(pattern: str) -> list[Source]:
    files = [Path(one) for one in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207
    matched = [source for one in files for source in _sources(str(one))]
    if not matched:
        raise InvalidFile(f"no file matches {pattern}")
    return matched


def _below(folder: Path) -> list[Source]:
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _hidden(path.relative_to(folder).parts)
    ]
    readable = [path for path in files if _is_readable(path)]
    if not readable:
        raise InvalidFile(
            f"{count(len(files), 'file')} in the folder {folder}, and none ends with {_ENDINGS}"
        )
    return [_source(path, path.relative_to(folder).parts[:-1]) for path in readable]


def _hidden(parts: Sequence[str]) -> bool:
    return any(part.startswith((".", "_")) for part in parts)


def _is_readable(path: Path) -> bool:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in _COMPRESSED]
    return bool(suffixes) and suffixes[-1] in KINDS


def _source(path: Path, parts: Sequence[str]) -> Source:
    kind, tabs = kind_of(path)
    pairs = tuple((key, value) for key, mark, value in (p.partition("=") for p in parts) if mark)
    return Source(str(path), path, kind, tabs=tabs, folders=pairs)


def _standard_input() -> Source:
    content = sys.stdin.buffer.read()
    kind = next((kind for mark, kind in _MARKS.items() if content.startswith(mark)), "csv")
    return Source("standard input", content, kind)
