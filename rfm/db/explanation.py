"""Why a customer of a database has a score, by the database's own function."""

import re

import psycopg
from sqlalchemy import Connection, Engine

from rfm.db.arguments import check_type
from rfm.db.connect import engine_of
from rfm.db.mapping.record import mapping_of
from rfm.db.schema.required import EXPLANATIONS, require_migration
from rfm.db.sql import run
from rfm.errors import UnknownCustomer
from rfm.explanation.structure import Explanation


def explain(database: Engine | str, customer_id: object) -> Explanation:
    """Explain the score of a customer, as of the instant that it was made for.

    customer_id: the customer's id, of any type that shows as the id's text.

    The numbers are those of the orders that the role may see, under its row-level security. Notes
    say if the customer waits for a new score, and if the database still has another one.

    Raises `UnknownCustomer` for a customer that does not exist, or that the role may not see.

    >>> from rfm.testing import example_engine
    >>> engine = example_engine()
    >>> [mary] = find_customers(engine, "mary@example.com")
    >>> explain(engine, mary).lead_score
    6
    """
    with engine_of(database).connect() as connection:
        require_migration(connection, EXPLANATIONS)
        if not _is_key(connection, str(customer_id)):
            raise _unknown(customer_id)
        try:
            [row] = run(connection, "internal/explanation/explain", customer=str(customer_id))
        except psycopg.errors.NoDataFound:
            raise _unknown(customer_id) from None
    return Explanation.from_dict(row.explanation)


def find_customers(database: Engine | str, email: str) -> list[str]:
    """Return the ids, as text, of the customers with an e-mail address that the role may see.

    Upper and lower case make no difference. Raises `InvalidArgument` for what is not text.

    >>> from rfm.testing import example_engine
    >>> len(find_customers(example_engine(), "ADA@example.com"))
    1
    """
    check_type(email, str, "an e-mail address")
    with engine_of(database).connect() as connection:
        require_migration(connection, EXPLANATIONS)
        return [
            row.customer_id for row in run(connection, "internal/explanation/find", email=email)
        ]


def _unknown(customer_id: object) -> UnknownCustomer:
    return UnknownCustomer(f"there is no customer {customer_id!s}, or the role may not see it")


_FORMS = {
    "uuid": re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}"),
    "int8": re.compile(r"-?[0-9]{1,18}"),
}


def _is_key(connection: Connection, text: str) -> bool:
    """Return whether the text can be an id; the server fails for one that cannot."""
    mapping = mapping_of(connection)
    kind = mapping.customers.key_type if mapping else "uuid"
    if kind == "text":
        return "\0" not in text
    form = _FORMS["uuid" if kind == "uuid" else "int8"]
    return form.fullmatch(text) is not None
