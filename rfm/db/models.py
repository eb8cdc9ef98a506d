"""The models that a database scores with."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from rfm.db.needed import need
from rfm.db.render import statement
from rfm.model import Model


def active_model(engine: Engine) -> Model:
    """Return the model that the database's triggers score with now.

    >>> from rfm.testing import example_engine
    >>> active_model(example_engine()).frequency
    (1, 3, 5, 10)
    """
    with engine.connect() as connection:
        need(connection)
        return read_active_model(connection)


def read_active_model(connection: Connection) -> Model:
    """Do the same as `active_model` inside the caller's transaction."""
    row = connection.execute(
        text("""
            select m.recency, m.frequency, m.monetary, m.weights
            from public.lead_score_active_model as a
            inner join public.lead_score_models as m on m.id = a.model_id
        """)
    ).one()
    return Model(row.recency, row.frequency, row.monetary, row.weights)


def activate(engine: Engine, model: Model) -> int:
    """Store a model, make it the active one, and return its number.

    Customers keep their scores until they are next touched; `rescore` touches them all.
    """
    with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
        need(connection)
        number = connection.execute(
            text("""
                insert into public.lead_score_models (recency, frequency, monetary, weights)
                values (:recency, :frequency, :monetary, :weights)
                returning id
            """),
            {
                "recency": list(model.recency),
                "frequency": list(model.frequency),
                "monetary": list(model.monetary),
                "weights": list(model.weights),
            },
        ).scalar_one()
        connection.execute(text("select public.activate_lead_score_model(:id)"), {"id": number})
        return int(number)


def fit_active_model(engine: Engine, as_of: datetime | None = None) -> Model:
    """Fit quintiles inside the database, store and activate them, and return the model.

    The orders up to `as_of` count, by default those up to the database's clock. The same model as
    `rfm.fit` finds on the same orders. A database in which no order counts raises the server's own
    error, and changes nothing.
    """
    with engine.begin() as connection:
        need(connection)
        connection.execute(
            text("""
                select public.fit_lead_score_model(
                    coalesce(cast(:as_of as timestamptz), clock_timestamp())
                )
            """),
            {"as_of": as_of},
        )
        return read_active_model(connection)


def rescore(engine: Engine) -> int:
    """Let the trigger score every customer again, a thousand at a time; return how many there are.

    Waits first for the transactions that are writing customers, perhaps with the model before the
    active one. Each thousand is a short transaction that locks its customers in id order, as the
    triggers on orders do: sales beside it wait for little, and never meet it half way.
    """
    # read committed, whatever the database's default: a touch waits for rows, and never fails
    with engine.connect().execution_options(isolation_level="READ COMMITTED") as connection:
        need(connection)
        connection.execute(text("select public.wait_for_lead_score_writers()"))
        connection.commit()
        return sum(len(ids) for ids in _touched_pages(connection))


_FIRST_PAGE = "select c.id from public.customers as c order by c.id limit 1000"
# keyset, not offset: customers come and go while we page
_NEXT_PAGE = "select c.id from public.customers as c where c.id > :last order by c.id limit 1000"
_TOUCH = "select public.touch_lead_scores(cast(:ids as uuid[]))"


def _touched_pages(connection: Connection) -> Iterator[list[object]]:
    ids = list(connection.scalars(statement(connection, _FIRST_PAGE)))
    while ids:
        connection.execute(statement(connection, _TOUCH), {"ids": ids})
        connection.commit()
        yield ids
        ids = list(connection.scalars(statement(connection, _NEXT_PAGE), {"last": ids[-1]}))
