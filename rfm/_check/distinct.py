"""Whether no two ids are alike, as fast as Polars can tell.

Its own ways look at every id by sorting or hashing on one thread, or keep more than the answer.
Here each thread takes a part: it marks the ids of a narrow range, a bit each, and sorts others.
"""

from __future__ import annotations

import operator
from functools import reduce
from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_ROWS_OF_A_PART: Final = 100_000  # of fewer, one thread is done before a second has begun
_SAMPLE: Final = 1_000
_MARKS_PER_ID: Final = 64  # bits: what the ids themselves take
_INDEX_END: Final = 2**32  # of what Polars can index

_KEY: Final = pl.col("key")


def surely_distinct(ids: pl.Series) -> bool:
    """Tell whether no two ids are alike; it is not sure where two hashes are.

    ids: of any type that can be hashed, without nulls.
    """
    if ids.is_sorted():
        return ids.set_sorted().n_unique() == len(ids)  # which then compares neighbours only
    keys = ids if ids.dtype.is_integer() else ids.hash()
    parts = min(pl.thread_pool_size(), 1 + len(keys) // _ROWS_OF_A_PART)
    low, high = keys.to_frame("key").select(low=_KEY.min(), high=_KEY.max()).row(0)
    width = high - low + 1
    narrow = width <= min(_INDEX_END, len(keys) * _MARKS_PER_ID // parts)
    found = _marked(keys, parts, low, width) if narrow else _counted(keys, parts)
    return found == len(keys)


def _marked(keys: pl.Series, parts: int, low: int, width: int) -> int:
    """Count distinct keys: each part of the rows marks a bit for every number from `low` on."""

    def mark(part: pl.Series) -> pl.Series:
        # modulo 2**32, which is no less than the width: so no key is too large, and none negative
        place = part.cast(pl.UInt32, wrap_numerical=True) - low % _INDEX_END
        return pl.repeat(value=False, n=width, dtype=pl.Boolean, eager=True).scatter(
            place, values=True
        )

    rows = -(-len(keys) // parts)
    slices = (_KEY.slice(part * rows, rows) for part in range(parts))
    return int(reduce(operator.or_, _side_by_side(keys, slices, mark, pl.Boolean)).sum())


def _counted(keys: pl.Series, parts: int) -> int:
    """Count distinct keys by sorting, each part a range of keys of about the same size."""

    def count(part: pl.Series) -> pl.Series:
        # on one thread: that is Polars' fastest sort, and n_unique() alone would take the other
        return pl.Series([part.sort(multithreaded=False).n_unique()], dtype=pl.Int64)

    ranges = map(_KEY.filter, _ranges(keys, parts))
    return sum(int(found.item()) for found in _side_by_side(keys, ranges, count, pl.Int64))


def _ranges(keys: pl.Series, parts: int) -> Iterator[pl.Expr]:
    sample = keys.gather_every(1 + len(keys) // _SAMPLE).sort()
    cuts = [pl.lit(sample[len(sample) * k // parts], keys.dtype) for k in range(1, parts)]
    always = pl.lit(value=True)
    starts = [always, *(cut <= _KEY for cut in cuts)]
    stops = [*(cut > _KEY for cut in cuts), always]
    return map(operator.and_, starts, stops)


def _side_by_side(
    keys: pl.Series,
    parts: Iterable[pl.Expr],
    work: Callable[[pl.Series], pl.Series],
    dtype: type[pl.DataType],
) -> list[pl.Series]:
    """Do the work for each part of the keys, on Polars' threads."""
    done = keys.to_frame("key").select(
        part.map_batches(work, dtype).alias(str(number)) for number, part in enumerate(parts)
    )
    return done.get_columns()
