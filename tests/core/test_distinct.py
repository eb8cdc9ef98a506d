"""all_distinct() gives the same answer as Python's sets."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfm._check import distinct
from rfm._check.distinct import all_distinct

INTEGERS = {
    pl.Int8: (-(2**7), 2**7),
    pl.Int16: (-(2**15), 2**15),
    pl.Int32: (-(2**31), 2**31),
    pl.Int64: (-(2**63), 2**63),
    pl.Int128: (-(2**127), 2**127),
    pl.UInt8: (0, 2**8),
    pl.UInt16: (0, 2**16),
    pl.UInt32: (0, 2**32),
    pl.UInt64: (0, 2**64),
    pl.UInt128: (0, 2**128),
}


@pytest.fixture(params=[1, 3, 100_000], autouse=True)
def rows_per_part(request, monkeypatch):
    monkeypatch.setattr(distinct, "_ROWS_PER_PART", request.param)


@st.composite
def integers(draw):
    """Draw ids from a range anywhere in their type, sometimes a narrow one, sometimes all of it."""
    dtype = draw(st.sampled_from(list(INTEGERS)))
    least, end = INTEGERS[dtype]
    low = draw(st.integers(least, end - 1) | st.sampled_from([least, end - 1]))
    high = min(low + draw(st.sampled_from([0, 7, 60, 5_000, 2**40, 2**127])), end - 1)
    return pl.Series(draw(st.lists(st.integers(low, high), max_size=40)), dtype=dtype)


@given(integers())
def test_integers_of_every_type_and_range(ids):
    assert all_distinct(ids) == (len(set(ids)) == len(ids))


@given(st.lists(st.text(max_size=2), max_size=40))
def test_text(ids):
    assert all_distinct(pl.Series(ids, dtype=pl.String)) == (len(set(ids)) == len(ids))


@pytest.mark.parametrize("width", [1, 63, 64, 65, 1_000])
def test_one_repetition_far_away_is_found(width):
    ids = pl.int_range(1_000, eager=True).shuffle(seed=1) * width
    assert all_distinct(ids)
    assert not all_distinct(ids.append(ids[:1]))  # which makes two chunks
