"""Databases of the mapped CRMs."""

import pytest

from rfm.db.connect import run_script
from rfm.testing import temporary_database
from tests.db.mapping.crm import FOLDER, SCHEMAS, Crm, mapping_of


@pytest.fixture(scope="session")
def templates():
    """Name a database with each schema, to be copied; made when first asked for."""
    opened = {}

    def template(schema):
        if schema not in opened:
            manager = temporary_database()
            engine = manager.__enter__()
            with engine.begin() as connection:
                run_script(connection, (FOLDER / f"{schema}.sql").read_text())
            opened[schema] = (manager, engine.url.database)
        return opened[schema][1]

    yield template
    for manager, _ in opened.values():
        manager.__exit__(None, None, None)


@pytest.fixture(params=SCHEMAS)
def bare(request, templates):
    with temporary_database(templates(request.param)) as engine:
        yield Crm(engine, mapping_of(request.param))


@pytest.fixture
def crm(bare):
    bare.apply()
    return bare
