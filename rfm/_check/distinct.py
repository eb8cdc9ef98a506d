"""Whether all ids differ, faster than Polars finds out.

Polars sorts or hashes every id on one thread, or keeps more than the answer. Here each thread takes
a part of the ids. If the ids lie in a narrow range, it marks one bit for each; otherwise it sorts.
"""

from __future__ import annotations

import operator
from functools import reduce
from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_ROWS_PER_PART: Final = 100_000  # below this, starting a second thread takes longer than the work
_SAMPLE: Final = 1_000
_MAX_BITS_PER_ID: Final = 64  # as much memory as the ids themselves take
_INDEX_END: Final = 2**32  # as many rows as Polars can index

_KEY: Final = pl.col("key")


def all_distinct(ids: pl.Series) -> bool:
    """Return True if all ids differ. May return False by mistake on a hash collision.

    ids: of any type that can be hashed, without nulls.
    """
    if ids.is_sorted():
        return ids.set_sorted().n_unique() == len(ids)  # compares neighbours only
    keys = ids if ids.dtype.is_integer() else ids.hash()
    parts = min(pl.thread_pool_size(), 1 + len(keys) // _ROWS_PER_PART)
    low, high = keys.to_frame("key").select(low=_KEY.min(), high=_KEY.max()).row(0)
    width = high - low + 1
    narrow = width <= min(_INDEX_END, len(keys) * _MAX_BITS_PER_ID // parts)
    distinct = _count_by_bits(keys, parts, low, width) if narrow else _count_by_sorting(keys, parts)
    return distinct == len(keys)


def _count_by_bits(keys: pl.Series, parts: int, low: int, width: int) -> int:
    """Count distinct keys: each part of the rows marks one bit per key, from `low` on."""

    def mark(part: pl.Series) -> pl.Series:
        # Modulo 2**32, which is at least the width: no key is too large, and none is negative.
        place = part.cast(pl.UInt32, wrap_numerical=True) - low % _INDEX_END
        return pl.repeat(value=False, n=width, dtype=pl.Boolean, eager=True).scatter(
            place, values=True
        )

    rows = -(-len(keys) // parts)
    slices = (_KEY.slice(part * rows, rows) for part in range(parts))
    return int(reduce(operator.or_, _in_parallel(keys, slices, mark, pl.Boolean)).sum())


def _count_by_sorting(keys: pl.Series, parts: int) -> int:
    """Count distinct keys by sorting; each part is a range of keys of about the same size."""

    def count(part: pl.Series) -> pl.Series:
        # The sort on one thread is Polars' fastest; n_unique() alone would not choose it.
        return pl.Series([part.sort(multithreaded=False).n_unique()], dtype=pl.Int64)

    ranges = map(_KEY.filter, _ranges(keys, parts))
    return sum(int(counted.item()) for counted in _in_parallel(keys, ranges, count, pl.Int64))


def _ranges(keys: pl.Series, parts: int) -> Iterator[pl.Expr]:
    sample = keys.gather_every(1 + len(keys) // _SAMPLE).sort()
    cuts = [pl.lit(sample[len(sample) * k // parts], keys.dtype) for k in range(1, parts)]
    always = pl.lit(value=True)
    starts = [always, *(cut <= _KEY for cut in cuts)]
    stops = [*(cut > _KEY for cut in cuts), always]
    return map(operator.and_, starts, stops)


def _in_parallel(
    keys: pl.Series,
    parts: Iterable[pl.Expr],
    work: Callable[[pl.Series], pl.Series],
    dtype: type[pl.DataType],
) -> list[pl.Series]:
    """Do the work for each part of the keys, on Polars' threads."""
    results = keys.to_frame("key").select(
        part.map_batches(work, dtype).alias(str(number)) for number, part in enumerate(parts)
    )
    return results.get_columns()
