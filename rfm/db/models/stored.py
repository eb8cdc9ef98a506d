"""The models of a database: every one that it has scored with, scores with, or may score with."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast

from sqlalchemy import Connection, Engine

from rfm.db.arguments import check_type
from rfm.db.connect import engine_of
from rfm.db.models.fitting import FittedModel
from rfm.db.schema.required import require_migration
from rfm.db.sql import run
from rfm.errors import UnknownModel
from rfm.model import Model

if TYPE_CHECKING:
    from collections.abc import Iterable

MODEL_NUMBER: Final = "the number of a model, as rfm.db.store_model returns it"


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model as the database stores it.

    number: its id.
    fitted_customers: from how many customers it was fitted; None: it was set by hand.
    fitted_as_of: the instant that it was fitted for; None: it was set by hand.
    activated_at: since when it is the active one; None: it is not.
    """

    number: int
    model: Model
    fitted_customers: int | None
    fitted_as_of: datetime | None
    created_at: datetime
    activated_at: datetime | None


def models(database: Engine | str) -> list[StoredModel]:
    """Return all models in the order of their numbers; one of them is active.

    >>> from rfm.testing import example_engine
    >>> [(one.number, one.activated_at is not None) for one in models(example_engine())]
    [(1, True)]
    """
    with engine_of(database).connect() as connection:
        require_migration(connection)
        return read_models(connection)


def stored_model(database: Engine | str, number: int) -> Model:
    """Return the model with a number, or raise `UnknownModel`.

    >>> from rfm.testing import example_engine
    >>> stored_model(example_engine(), 1).frequency
    (1, 3, 5, 10)
    """
    check_type(number, int, MODEL_NUMBER)
    return model_with_number(models(database), number)


def active_model(database: Engine | str) -> Model:
    """Return the model that the database's triggers score with now.

    >>> from rfm.testing import example_engine
    >>> active_model(example_engine()).frequency
    (1, 3, 5, 10)
    """
    with engine_of(database).connect() as connection:
        require_migration(connection)
        return read_active_model(connection)[0]


def read_models(connection: Connection) -> list[StoredModel]:
    """Return all models, inside the caller's transaction."""
    return [
        StoredModel(
            row.number,
            Model(row.recency, row.frequency, row.monetary, row.weights),
            row.fitted_customers,
            row.fitted_as_of,
            row.created_at,
            row.activated_at,
        )
        for row in run(connection, "internal/models/all_models")
    ]


def read_active_model(connection: Connection) -> tuple[Model, datetime]:
    """Return the active model and since when it is active, inside the caller's transaction."""
    for one in read_models(connection):
        if one.activated_at:
            return one.model, one.activated_at
    raise UnknownModel("no lead score model is active, or the role may not see it")


def store_model(database: Engine | str, model: Model | FittedModel) -> int:
    """Store a model without making it the active one, and return its number.

    Raises `InvalidArgument` for what is not a model.

    >>> from rfm import Model
    >>> from rfm.testing import example_engine, temporary_database
    >>> with temporary_database(str(example_engine().url.database)) as engine:
    ...     store_model(engine, Model(frequency=(1, 2, 4, 8))), active_model(engine).frequency
    (2, (1, 3, 5, 10))
    """
    check_type(model, (Model, FittedModel), "an rfm.Model or what rfm.db.fit returns")
    engine = engine_of(database).execution_options(isolation_level="READ COMMITTED")
    with engine.begin() as connection:
        require_migration(connection)
        [(number,)] = run(connection, "internal/models/insert_model", **_columns(model))
    return cast("int", number)


def _columns(model: Model | FittedModel) -> dict[str, object]:
    if isinstance(model, FittedModel):
        return _columns(model.model) | {"customers": model.customers, "as_of": model.as_of}
    thresholds = {name: list(numbers) for name, numbers in asdict(model).items()}
    return thresholds | {"customers": None, "as_of": None}  # set by hand


def model_with_number(stored: "Iterable[StoredModel]", number: int) -> Model:
    """Return the model with a number, or raise `UnknownModel`."""
    found = {one.number: one.model for one in stored}
    if number not in found:
        numbers = ", ".join(map(str, found))
        raise UnknownModel(f"there is no lead score model {number}; there are {numbers}")
    return found[number]
