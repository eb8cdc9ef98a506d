"""The one door for frames: Polars frames as they are, others through the Arrow stream."""

from __future__ import annotations

from typing import Final, Protocol

import polars as pl

from rfm.errors import InvalidFrame


class ArrowStream(Protocol):
    """A frame of another library: pandas, PyArrow, a DuckDB relation, an Ibis result."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the rows as an Arrow stream."""


AnyFrame = pl.DataFrame | pl.LazyFrame | ArrowStream
"""What is accepted where a frame is."""

_CONVERTERS: Final = ("to_arrow", "toArrow", "to_polars")


def as_polars(frame: object, name: str) -> pl.DataFrame | pl.LazyFrame:
    """Return a Polars frame unchanged, and another frame as a DataFrame.

    name: what the error calls the frame.

    Raises InvalidFrame for what has no `__arrow_c_stream__`; the message has the call that converts
    it.

    >>> class Rows:
    ...     def __arrow_c_stream__(self, requested_schema=None):
    ...         return pl.DataFrame({"customer_id": [1]}).__arrow_c_stream__()
    >>> as_polars(Rows(), "orders").rows()
    [(1,)]
    """
    if isinstance(frame, pl.DataFrame | pl.LazyFrame):
        return frame
    if hasattr(frame, "__arrow_c_stream__") and not isinstance(frame, pl.Series):
        return pl.DataFrame(frame)
    found = type(frame).__name__
    raise InvalidFrame(f"{name} is a {found}, not a frame; {_remedy(frame, name)}")


def as_customers(ids: object, name: str) -> pl.DataFrame | pl.LazyFrame:
    """Return a frame as `as_polars` does; or a Series as one column."""
    if isinstance(ids, pl.Series):
        return ids.to_frame(name)
    if hasattr(ids, "__arrow_c_stream__") and not isinstance(ids, pl.DataFrame):
        found = pl.from_arrow(ids)
        return found.to_frame(name) if isinstance(found, pl.Series) else found
    return as_polars(ids, "customers")


def _remedy(frame: object, name: str) -> str:
    call = next((one for one in _CONVERTERS if callable(getattr(frame, one, None))), None)
    converted = f"{name}.{call}()" if call else f"pl.DataFrame({name})"
    return f"pass {converted} instead"
