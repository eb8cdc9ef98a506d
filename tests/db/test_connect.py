"""What a function of rfm.db takes: an engine or an address; anything else is one clear error."""

import traceback

import pytest
import sqlalchemy
from sqlalchemy import create_engine

import rfm
from rfm import db
from rfm.errors import BackfillStopped, InvalidArgument, InvalidAsOf, InvalidDatabase

NOT_UNDERSTOOD = {
    None: "no database given; pass `dsn`",
    "": "no database given",
    "nonsense": "the address is not a URL",
    "host=localhost password=SECRET": "the address is not a URL",
    "//user:SECRET@host": "the address is not a URL",
    "mysql://host/db": "begins with 'mysql', not with postgresql://",
    "postgresql+asyncpg://host/db": "begins with 'postgresql.asyncpg', not with postgresql://",
    "postgresql://user:SE@CRET@host/db": "more than one @.* write @ as %40",
    "postgresql://user:SE@CRET:1@host/db": "more than one @",
    "postgresql://user:SE@CRET/1@host/db": "more than one @",
    "postgresql://user:SECRET": "the address is not a URL",
    "postgresql://user:SECRET/db": "the address is not a URL",
    "postgresql://user:SECRET@host/db?pgbouncer=true": 'invalid connection option "pgbouncer"',
}


@pytest.mark.parametrize(("address", "says"), NOT_UNDERSTOOD.items())
def test_an_address_that_is_not_understood_is_one_sentence_without_it(monkeypatch, address, says):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(InvalidDatabase, match=says) as caught:
        db.connect(address)
    shown = "".join(traceback.format_exception(caught.value, chain=True))
    assert not any(part in shown for part in ("SECRET", "SE@", "CRET"))
    assert caught.value.__context__ is None
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "password"),
    [
        ("postgresql://user:a%40b%3Ac%2Fd@host:5432/db", "a@b:c/d"),
        ("postgresql://user:a:b@host/db", "a:b"),
        ("postgres://user:a?b#c/d@host/db?sslmode=require", "a?b#c/d"),
        (" postgresql+psycopg://user:x@one,two/db\n", "x"),
    ],
)
def test_an_address_that_is_understood_keeps_its_password_to_itself(address, password):
    engine = db.connect(address)
    assert engine.url.password == password
    assert password not in repr(engine)


@pytest.fixture(scope="module")
def sqlite():
    return create_engine("sqlite://")


FUNCTIONS = [
    db.active_model,
    db.backfill,
    db.fit,
    db.models,
    db.rescore_stale,
    db.schedule,
    db.score_differences,
    db.status,
    db.survey,
    db.verify,
    lambda database: db.activate(database, 1),
    lambda database: db.simulate(database, rfm.PUBLISHED),
    lambda database: db.store_model(database, rfm.PUBLISHED),
    lambda database: db.stored_model(database, 1),
]
every_function = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.__name__)


@every_function
def test_what_is_no_engine_and_no_address_is_refused_by_each_function(function, sqlite):
    with sqlite.connect() as connection:
        for wrong, says in {
            None: "not a NoneType",
            5: "not an int",
            connection: "not a sqlalchemy.engine.base.Connection",
            sqlite.url: "not a sqlalchemy.engine.url.URL",
            sqlite: "the engine uses sqlite",
        }.items():
            with pytest.raises(InvalidDatabase, match=says):
                function(wrong)


@every_function
def test_an_address_is_as_good_as_an_engine(function):
    with pytest.raises((sqlalchemy.exc.OperationalError, BackfillStopped), match="refused"):
        function("postgresql://user:SECRET@127.0.0.1:1/db")


WRONG_ARGUMENTS = [
    (db.store_model, 5),
    (db.activate, rfm.PUBLISHED),
    (db.activate, True),
    (db.stored_model, "1"),
    (db.simulate, 1),
    (db.backfill, 1000),
    (db.fit, "2026-01-01"),
]


@pytest.mark.parametrize(("function", "wrong"), WRONG_ARGUMENTS)
def test_an_argument_of_another_type_is_refused_before_the_database_is_asked(function, wrong):
    says = r"^(pass .*, not an? \w+|as_of is '2026-01-01', not a .*)$"
    with pytest.raises((InvalidArgument, InvalidAsOf), match=says):
        function("postgresql:///", wrong)
