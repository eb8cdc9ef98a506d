"""The models that a database has scored with, scores with, or may score with."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from rfm.db.models.fitting import FittedModel
from rfm.db.schema.required import need
from rfm.errors import UnknownModel
from rfm.model import Model


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model as the database keeps it.

    number: its id.
    fitted_customers: how many customers its quintiles were found from; None: set by hand.
    fitted_as_of: the instant that it was fitted for.
    activated_at: since when it is the active one; None: it is not.
    """

    number: int
    model: Model
    fitted_customers: int | None
    fitted_as_of: datetime | None
    created_at: datetime
    activated_at: datetime | None


def models(engine: Engine) -> list[StoredModel]:
    """Return every model there ever was, in the order of their numbers; one of them is active.

    >>> from rfm.testing import example_engine
    >>> [(one.number, one.activated_at is not None) for one in models(example_engine())]
    [(1, True)]
    """
    with engine.connect() as connection:
        need(connection)
        return [_stored(row) for row in connection.execute(_MODELS)]


def stored_model(engine: Engine, number: int) -> Model:
    """Return the model of a number, or raise `UnknownModel`.

    >>> from rfm.testing import example_engine
    >>> stored_model(example_engine(), 1).frequency
    (1, 3, 5, 10)
    """
    stored = {one.number: one.model for one in models(engine)}
    if number not in stored:
        raise UnknownModel(_unknown(number, stored))
    return stored[number]


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
    return read_activation(connection)[0]


def read_activation(connection: Connection) -> tuple[Model, datetime]:
    """Return the active model and since when it is, inside the caller's transaction."""
    for one in map(_stored, connection.execute(_MODELS)):
        if one.activated_at:
            return one.model, one.activated_at
    raise UnknownModel("no lead score model is active, or the role may not see it")


_MODELS = text("""
    select
        m.id,
        m.recency,
        m.frequency,
        m.monetary,
        m.weights,
        m.fitted_customers,
        m.fitted_as_of,
        m.created_at,
        a.activated_at
    from public.lead_score_models as m
    left join public.lead_score_active_model as a on a.model_id = m.id
    order by m.id
""")


def _stored(row: Row[Any]) -> StoredModel:
    model = Model(row.recency, row.frequency, row.monetary, row.weights)
    return StoredModel(
        row.id, model, row.fitted_customers, row.fitted_as_of, row.created_at, row.activated_at
    )


def _unknown(number: int, known: dict[int, Any]) -> str:
    numbers = ", ".join(map(str, known))
    return f"there is no lead score model {number}; there are {numbers}"


def store_model(engine: Engine, model: Model | FittedModel) -> int:
    """Store a model without making it the active one, and return its number.

    >>> from rfm import Model
    >>> from rfm.testing import example_engine, temporary_database
    >>> with temporary_database(str(example_engine().url.database)) as engine:
    ...     store_model(engine, Model(frequency=(1, 2, 4, 8))), active_model(engine).frequency
    (2, (1, 3, 5, 10))
    """
    with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
        need(connection)
        return _insert(connection, model)


def activate(engine: Engine, model: Model | FittedModel | int) -> int:
    """Make a model the active one, and return its number.

    A number stands for a stored model; any other is stored in the same transaction. Customers keep
    their scores until they are next touched; `backfill` touches those whose scores change. Raises
    `UnknownModel` for a number that no model has.

    >>> from rfm import Model
    >>> from rfm.testing import example_engine, temporary_database
    >>> with temporary_database(str(example_engine().url.database)) as engine:
    ...     activate(engine, Model(frequency=(1, 2, 4, 8)))
    2
    """
    with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
        need(connection)
        number = model if isinstance(model, int) else _insert(connection, model)
        known = {row.id: row for row in connection.execute(_MODELS)}
        if number not in known:
            raise UnknownModel(_unknown(number, known))
        connection.execute(text("select public.activate_lead_score_model(:id)"), {"id": number})
        return number


def _insert(connection: Connection, model: Model | FittedModel) -> int:
    thresholds = model.model if isinstance(model, FittedModel) else model
    values = {name: list(numbers) for name, numbers in asdict(thresholds).items()}
    fitted_on: dict[str, object] = {"customers": None, "as_of": None}  # set by hand
    if isinstance(model, FittedModel):
        fitted_on = {"customers": model.customers, "as_of": model.as_of}
    return int(connection.execute(_INSERT, values | fitted_on).scalar_one())


_INSERT = text("""
    insert into public.lead_score_models (
        recency, frequency, monetary, weights, fitted_customers, fitted_as_of
    )
    values (:recency, :frequency, :monetary, :weights, :customers, :as_of)
    returning id
""")


def fit_active_model(engine: Engine, as_of: datetime | None = None) -> Model:
    """Fit quintiles inside the database, store and activate them, and return the model.

    The orders up to `as_of` count, by default those up to the database's clock. The same model as
    `rfm.fit` finds on the same orders, by the SQL function `fit_lead_score_model`, which fits on
    however few customers there are: for tests and first tries. `fit_model` reads the customers
    into Polars, refuses too few, and activates nothing. A database in which no order counts raises
    the server's own error, and changes nothing.

    >>> from rfm.testing import example_engine, temporary_database
    >>> with temporary_database(str(example_engine().url.database)) as engine:
    ...     # two customers have ordered, 3 and 5 times
    ...     fit_active_model(engine).frequency
    (5, 5)
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
