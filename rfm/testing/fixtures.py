"""The fixtures of the pytest plugin."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from rfm.db.schema.apply import apply
from rfm.testing.databases import crm_database, temporary_database


@pytest.fixture(scope="session")
def rfm_crm_template() -> Iterator[str]:
    """Return the name of a database with the base tables of a CRM, to be copied."""
    with crm_database() as engine:
        yield str(engine.url.database)


@pytest.fixture(scope="session")
def rfm_template() -> Iterator[str]:
    """Return the name of a database with the base tables and every migration, to be copied."""
    with crm_database() as engine:
        apply(engine)
        yield str(engine.url.database)


@pytest.fixture
def rfm_crm_engine(rfm_crm_template: str) -> Iterator[Engine]:
    """Return the engine of a database with the base tables and no migration, one per test."""
    with temporary_database(rfm_crm_template) as engine:
        yield engine


@pytest.fixture
def rfm_engine(rfm_template: str) -> Iterator[Engine]:
    """Return the engine of a database with the base tables and every migration, one per test."""
    with temporary_database(rfm_template) as engine:
        yield engine
