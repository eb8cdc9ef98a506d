"""The segment of every customer, as the database has it."""

import polars as pl
from sqlalchemy import Engine

from rfm.db.connect import engine_of
from rfm.db.reads.reader import open_reader
from rfm.db.schema.required import SEGMENTS, require_migration


def customer_segments(database: Engine | str) -> pl.DataFrame:
    """Read the segment of every customer by the active segment map.

    Returns one row per customer, in no particular order: `customer_id` (text) and `segment`, an
    Enum of the map's keys in its order; null if the customer is not scored yet.

    >>> from rfm.testing import example_engine
    >>> sorted(customer_segments(example_engine())["segment"].cast(pl.String))
    ['champions', 'potential_loyalist', 'prospect']
    """
    with engine_of(database).connect() as connection:
        require_migration(connection, SEGMENTS)
        connection.rollback()  # no transaction stays open while the reader reads
        with open_reader(connection) as reader, reader.snapshot():
            keys = reader.read("internal/segments/active_keys")["key"]
            rows = reader.read("internal/segments/customers")
    return rows.with_columns(pl.col("segment").cast(pl.Enum(keys)))
