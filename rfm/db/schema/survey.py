"""The CRM's own tables that the migrations work with: about how many rows, which triggers."""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from rfm.db.connect import engine_of
from rfm.db.mapping.base_tables import base_tables
from rfm.db.mapping.definition import Mapping
from rfm.db.mapping.record import choose_mapping
from rfm.db.schema.preflight import preflight
from rfm.db.sql import run


@dataclass(frozen=True, slots=True)
class BaseTable:
    """One of the CRM's own tables.

    name: as SQL has it, with its schema.
    estimated_rows: PostgreSQL's own estimate; None where the table was never analyzed.
    triggers: the names of its triggers that are not rfm's.
    """

    name: str
    estimated_rows: int | None
    triggers: tuple[str, ...]

    @property
    def size(self) -> str:
        """The estimate in words."""
        return "unknown" if self.estimated_rows is None else f"about {self.estimated_rows:,}"


def survey(database: Engine | str, mapping: Mapping | None = None) -> list[BaseTable]:
    """Describe the tables that the migrations work with, without reading them.

    The size tells a test table from the real one. A trigger on customers matters because it also
    runs at each order: when it fails, so does the order. Raises what `plan` raises for missing
    tables.

    >>> from rfm.testing import example_engine
    >>> [table.name for table in survey(example_engine())][:2]
    ['public.customers', 'public.orders']
    """
    # whatever the engine's default: preflight tries some things, and takes them back
    engine = engine_of(database).execution_options(isolation_level="READ COMMITTED")
    with engine.connect() as connection:
        chosen = choose_mapping(connection, mapping)
        preflight(connection, chosen)
        return [_survey(connection, name) for name in base_tables(chosen)]


def _survey(connection: Connection, name: str) -> BaseTable:
    [size] = run(connection, "internal/schema/estimated_rows", table=name)
    triggers = run(connection, "internal/schema/triggers_of_others", table=name)
    return BaseTable(name, size.rows, tuple(trigger.name for trigger in triggers))
