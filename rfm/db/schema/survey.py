"""Where the migrations would go: the CRM's own tables, their rows and their own triggers."""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from rfm.db.connect import run_script
from rfm.db.mapping.base_tables import base_tables
from rfm.db.mapping.definition import Mapping
from rfm.db.mapping.record import choose_mapping
from rfm.db.schema.preflight import preflight


@dataclass(frozen=True, slots=True)
class BaseTable:
    """One of the CRM's own tables: its name, its rows, and the names of its own triggers."""

    name: str
    rows: int
    triggers: tuple[str, ...]


def survey(engine: Engine, mapping: Mapping | None = None) -> list[BaseTable]:
    """Count the rows of the tables that the migrations work with, and list their own triggers.

    The rows tell a test table from the real one. A trigger on customers matters because it runs at
    each order, too: when it fails, so does the order. Raises what `plan` raises for missing tables.

    >>> from rfm.testing import example_engine
    >>> [(table.name, table.rows) for table in survey(example_engine())][:2]
    [('public.customers', 3), ('public.orders', 8)]
    """
    with engine.connect() as connection:
        chosen = choose_mapping(connection, mapping)
        preflight(connection, chosen)
        return [_survey(connection, name) for name in base_tables(chosen)]


def _survey(connection: Connection, name: str) -> BaseTable:
    # counted: before the first ANALYZE there is no estimate; the name is ours, or quoted
    (rows,) = run_script(connection, f"select count(*) from {name}").fetchall()[0]  # noqa: S608
    triggers = connection.scalars(_TRIGGERS, {"table": name})
    return BaseTable(name, rows, tuple(triggers))


_TRIGGERS = text("""
    select t.tgname
    from pg_catalog.pg_trigger as t
    where
        t.tgrelid = to_regclass(:table)
        and not t.tgisinternal
        and t.tgname <> 'calculate_customer_lead_score'
        and t.tgname not like 'recalculate_lead_score_on_order_%'
    order by t.tgname
""")
