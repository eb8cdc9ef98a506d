"""The engines that the warehouse's tests run on, each in a session far from UTC."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import ibis
import polars as pl
import pytest

from rfm.testing import temporary_database

# half an hour off the full hour, with a daylight saving time: what leans on it cannot stay hidden
FAR_FROM_UTC = "America/St_Johns"


class Engine(NamedTuple):
    name: str
    load: Callable[[pl.DataFrame], Any]  # the frame as an Ibis table
    run: Callable[[str], Any]  # SQL of the engine's own
    connection: Any


def names() -> Iterator[str]:
    return (f"t{number}" for number in count())


@contextmanager
def duckdb() -> Iterator[Engine]:
    connection = ibis.duckdb.connect()
    connection.raw_sql(f"set timezone = '{FAR_FROM_UTC}'")
    name = names()
    yield Engine(
        "duckdb",
        lambda frame: connection.create_table(next(name), frame),
        connection.raw_sql,
        connection,
    )
    connection.disconnect()


@contextmanager
def postgres() -> Iterator[Engine]:
    with temporary_database() as database:
        url = database.url
        connection = ibis.postgres.connect(
            host=url.host or url.query.get("host"),
            port=url.port or 5432,
            user=url.username,
            password=url.password,
            database=url.database,
        )
        name = names()

        def run(sql: str) -> None:
            with connection.begin() as cursor:
                cursor.execute(sql)

        run(f"set timezone = '{FAR_FROM_UTC}'")
        yield Engine(
            "postgres",
            lambda frame: connection.create_table(next(name), frame),
            run,
            connection,
        )
        connection.disconnect()


@cache
def spark_session() -> Any:
    """Start Spark, once for the process, or skip the test."""
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        reason = "Spark needs Java: install openjdk-17-jre-headless, or set JAVA_HOME"
        if os.environ.get("RFM_SPARK") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    from pyspark.sql import SparkSession  # noqa: PLC0415 - it takes a second

    settings = {
        "spark.ui.enabled": "false",
        "spark.log.level": "ERROR",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "2",
        # tables are small here and queries run once: what compiles them costs more than it saves
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": tempfile.mkdtemp(prefix="rfm-spark-"),
    }
    builder = SparkSession.builder.master("local[2]").appName("rfm")
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


@contextmanager
def spark() -> Iterator[Engine]:
    session = spark_session()
    connection = ibis.pyspark.connect(session)
    session.conf.set("spark.sql.session.timeZone", FAR_FROM_UTC)  # connecting sets it to UTC
    name = names()
    with tempfile.TemporaryDirectory() as folder:

        def load(frame: pl.DataFrame) -> Any:
            path = Path(folder) / f"{next(name)}.parquet"
            frame.write_parquet(path)
            return connection.read_parquet(path)

        yield Engine("spark", load, session.sql, connection)


# of PySpark 4.0, which is older than pandas 3
SPARK = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning"),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]
OPEN = {"duckdb": duckdb, "postgres": postgres, "spark": spark}
PARAMS = ["duckdb", "postgres", pytest.param("spark", marks=SPARK)]


def fetch(table: Any) -> Any:
    """Compute an Ibis table of scores, with the instant as a number.

    Ibis reads a Spark timestamp as if the session's zone were UTC, whatever was asked for.
    """
    if table.get_backend().name != "pyspark":
        return table.to_polars()
    micros = ibis.udf.scalar.builtin(
        lambda value: value, name="unix_micros", signature=((None,), "int64")
    )
    frame = table.mutate(last_order_at=micros(table.last_order_at)).to_polars()
    return frame.with_columns(pl.col("last_order_at").cast(pl.Datetime("us", "UTC")))
