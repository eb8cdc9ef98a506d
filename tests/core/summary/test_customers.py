"""Ids of any type, and the customers of the result."""

import uuid
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from tests.core.strategies import AS_OF
from tests.core.summary.support import (
    numbers,
    one_customer,
    summarize,
)


@pytest.mark.parametrize(
    "ids",
    [
        pl.Series(["ada", "李小龙", "🦊"]),
        pl.Series([str(uuid.UUID(int=number)) for number in range(3)]),
        pl.Series([1, 2, 3]),
        pl.Series([2**63, 2**64 - 1, 0], dtype=pl.UInt64),
        pl.Series(["a", "b", "c"], dtype=pl.Categorical),
        pl.Series(["a", "b", "c"], dtype=pl.Enum(["c", "b", "a"])),
        pl.Series([b"a", b"b", b"\x00"]),
        pl.Series([date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 3)]),
        pl.Series([Decimal("1.5"), Decimal(2), Decimal(3)]),
    ],
)
def test_ids_may_be_of_any_flat_and_exact_type(ids):
    first, second, third = ids
    buyers = pl.concat([ids[:2], ids[:1]])
    frame = pl.DataFrame({"customer_id": buyers, "ordered_at": [AS_OF] * 3, "amount": [1, 2, 4]})
    found = summarize(frame)
    assert found.schema["customer_id"] == ids.dtype
    assert numbers(found) == {first: (0, 2, 5), second: (0, 1, 2)}
    assert numbers(summarize(frame, customers=ids[1:])) == {second: (0, 1, 2), third: (None, 0, 0)}


@pytest.mark.parametrize(
    ("ordered", "known"),
    [
        (pl.Int64, pl.Int8),
        (pl.UInt8, pl.Int64),
        (pl.Int32, pl.UInt64),
    ],
)
def test_integer_ids_of_unlike_widths_are_compared(ordered, known):
    ids = pl.Series([1, 2, 200], dtype=ordered)
    frame = pl.DataFrame({"customer_id": ids, "ordered_at": [AS_OF] * 3, "amount": [1, 2, 4]})
    found = summarize(frame, customers=pl.Series([2, 3], dtype=known))
    assert numbers(found) == {2: (0, 1, 2), 3: (None, 0, 0)}
    assert found.schema["customer_id"] == known


@pytest.mark.parametrize("ordered", [pl.String, pl.Categorical, pl.Enum(["a", "b"])])
@pytest.mark.parametrize("known", [pl.String, pl.Categorical, pl.Enum(["z", "b"])])
def test_text_ids_of_unlike_types_are_compared(ordered, known):
    ids = pl.Series(["a", "b"], dtype=ordered)
    frame = pl.DataFrame({"customer_id": ids, "ordered_at": [AS_OF] * 2, "amount": [1, 2]})
    found = summarize(frame, customers=pl.Series(["b", "z"], dtype=known))
    assert numbers(found) == {"b": (0, 1, 2), "z": (None, 0, 0)}
    assert found.schema["customer_id"] == known


def test_customers_may_be_a_frame_or_a_lazy_frame_with_more_columns():
    frame = one_customer([AS_OF]).rename({"customer_id": "buyer"})
    customers = pl.DataFrame({"buyer": ["ada", "bob"], "email": ["a@x", "b@x"]})
    for asked in (customers, customers.lazy(), customers["buyer"].alias("other")):
        found = summarize(frame, customers=asked, customer_id="buyer")
        assert numbers(found) == {"ada": (0, 1, 1), "bob": (None, 0, 0)}
