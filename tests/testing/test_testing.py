"""What rfm.testing gives to other test suites."""

from uuid import uuid4

from sqlalchemy import text

from rfm.testing import temporary_database


def test_a_template_may_have_any_name():
    name = f'a "template" of 100% {uuid4().hex}'
    quoted = name.replace('"', '""')
    with temporary_database() as engine, engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text(f'create database "{quoted}"'))
        try:
            with temporary_database(name) as copy, copy.connect() as other:
                assert other.scalar(text("select 1")) == 1
        finally:
            connection.execute(text(f'drop database "{quoted}" with (force)'))
