"""`rfm model`: the models that a database scores with."""

from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy
import typer

import rfm
from rfm import db
from rfm._check.wording import count
from rfm.cli import options
from rfm.cli.orders import read_summary
from rfm.cli.output import day, print_line, print_message, print_moves, print_report, print_table
from rfm.columns import OrderColumns
from rfm.db.models.fitting import fit_summary
from rfm.errors import InvalidArgument
from rfm.io import FileFormat
from rfm.orders.rules import OrderRules
from rfm.quintiles import FEWEST_CUSTOMERS

Activate = Annotated[
    bool, typer.Option("--activate", help="Make it the active model. Default: only store it.")
]


def fit(
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
    orders: Annotated[
        str | None,
        typer.Option(
            "--orders", help="Fit on orders in files: what rfm score reads, one file or folder."
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Date or time (ISO 8601) to fit for; UTC if it has no zone. Default: now. "
            "Required with --orders."
        ),
    ] = None,
    min_customers: Annotated[
        int, typer.Option(help="Refuse to fit on fewer customers with a counted order.")
    ] = FEWEST_CUSTOMERS,
    activate: Activate = False,
    allow_dead_segments: options.AllowDeadSegments = False,
    customer_id: options.CustomerId = "customer_id",
    ordered_at: options.OrderedAt = "ordered_at",
    amount: options.Amount = "amount",
    status: options.Status = "status",
) -> None:
    """Fit quintiles, and store them as a new model.

    Fits on the orders in the database, or on a file (--orders).
    """
    engine = options.open_database(dsn, mapping)
    moment = None if as_of is None else options.read_instant(as_of)
    if orders is None:
        fitted = db.fit(engine, moment, min_customers=min_customers)
    elif moment is None:
        raise InvalidArgument("--orders needs --as-of, for example --as-of 2026-11-01")
    else:
        columns = OrderColumns(customer_id, ordered_at, amount, status)
        summary, report = read_summary([orders], moment, columns, OrderRules(), FileFormat())
        print_report(report, options.typed_options(fit))
        fitted = fit_summary(summary, moment, min_customers=min_customers)
    print_message(f"fitted on {fitted.customers:,} customers")
    _keep(engine, fitted, activate=activate, allow_dead_segments=allow_dead_segments)


def _keep(
    engine: sqlalchemy.Engine,
    model: rfm.Model | db.FittedModel,
    *,
    activate: bool,
    allow_dead_segments: bool,
) -> None:
    number = db.store_model(engine, model)
    if activate:
        _activate(engine, number, allow_dead_segments=allow_dead_segments)
    else:
        print_line(f"stored as model {number}; to score with it, run rfm model activate {number}")


def _activate(engine: sqlalchemy.Engine, number: int, *, allow_dead_segments: bool) -> None:
    db.activate(engine, number, allow_dead_segments=allow_dead_segments)
    print_line(
        f"model {number} is active; to rescore the customers that it changes, run rfm db backfill"
    )


def set_model(
    file: Annotated[
        Path | None, typer.Argument(help="A model.json, as printed by rfm model show.")
    ] = None,
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
    recency: Annotated[
        str | None, typer.Option(help="Most days for the scores 2 to 5, such as 180,90,60,30.")
    ] = None,
    frequency: Annotated[
        str | None, typer.Option(help="Fewest orders for the scores 2 to 5, such as 1,3,5,10.")
    ] = None,
    monetary: Annotated[
        str | None, typer.Option(help="Least spend for the scores 2 to 5, such as 50,200,500,1000.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Weights of the three scores, with the sum 6, such as 3,2,1.")
    ] = None,
    activate: Activate = False,
    allow_dead_segments: options.AllowDeadSegments = False,
) -> None:
    """Store a model that was made by hand.

    Give a file, or the values that differ from the active model.
    """
    engine = options.open_database(dsn, mapping)
    given = {"recency": recency, "frequency": frequency, "monetary": monetary, "weights": weights}
    changes = {name: _numbers(name, value) for name, value in given.items() if value is not None}
    if (file is None) == (not changes):
        raise InvalidArgument(
            "pass either a model.json, or at least one of --recency, --frequency, "
            "--monetary and --weights"
        )
    base = options.read_model(file) if file else db.active_model(engine)
    changed = replace(base, **changes)
    _keep(engine, changed, activate=activate, allow_dead_segments=allow_dead_segments)


def _numbers(name: str, written: str) -> Any:  # noqa: ANN401 - what a field of a model takes
    try:
        numbers = [Decimal(part) for part in written.split(",") if part.strip()]
    except InvalidOperation:
        raise InvalidArgument(
            f"--{name} {written!r} is not a list of numbers; write them like 180,90,60,30"
        ) from None
    return [int(one) if one.is_finite() and one % 1 == 0 else one for one in numbers]


def list_models(dsn: options.Dsn = None, mapping: options.MappingFile = None) -> None:
    """List all models and show which one is active."""
    rows = [_row(one) for one in db.models(options.open_database(dsn, mapping))]
    print_table("Models", _COLUMNS, rows)


_COLUMNS = ("model", "recency", "frequency", "monetary", "weights", "made", "active since")


def _row(one: db.StoredModel) -> tuple[object, ...]:
    thresholds = (one.model.recency, one.model.frequency, one.model.monetary, one.model.weights)
    lists = (", ".join(map(str, numbers)) for numbers in thresholds)
    fitted = one.fitted_customers
    made = "by hand" if fitted is None else f"from {count(fitted, 'customer')}"
    made_at = f"{made} on {day(one.created_at)}"
    return one.number, *lists, made_at, day(one.activated_at)


def show(
    number: Annotated[
        int | None, typer.Argument(help="Number of the model. Default: the active one.")
    ] = None,
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
) -> None:
    """Print a model as JSON.

    rfm score --model and rfm model set read this format.
    """
    print_line(_model(options.open_database(dsn, mapping), number).to_json())


def _model(engine: sqlalchemy.Engine, number: int | None) -> rfm.Model:
    return db.active_model(engine) if number is None else db.stored_model(engine, number)


def activate(
    number: Annotated[int, typer.Argument(help="Number of the model.")],
    allow_dead_segments: options.AllowDeadSegments = False,
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
) -> None:
    """Make a stored model the active one."""
    engine = options.open_database(dsn, mapping)
    _activate(engine, number, allow_dead_segments=allow_dead_segments)


def simulate(
    number: Annotated[int, typer.Argument(help="Number of the model to try.")],
    against: Annotated[
        int | None,
        typer.Option(help="Number of the model to compare with. Default: the active one."),
    ] = None,
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
) -> None:
    """Count the customers who would change category with another model.

    Changes nothing.
    """
    engine = options.open_database(dsn, mapping)
    moved = db.simulate(engine, db.stored_model(engine, number), _model(engine, against))
    print_moves(moved)
