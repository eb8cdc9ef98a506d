"""`rfm explain`: why a customer has a score, what raises it, and when it falls."""

from typing import Annotated

import sqlalchemy
import typer

import rfm
from rfm import db
from rfm._check.wording import count
from rfm.cli import options
from rfm.cli.output import print_json, print_line
from rfm.errors import UnknownCustomer


def explain(
    customer: Annotated[str, typer.Argument(help="Id or e-mail address of the customer.")],
    dsn: options.Dsn = None,
    mapping: options.MappingFile = None,
    as_json: options.Json = False,
) -> None:
    """Explain the lead score of a customer: its parts, what raises it, and when it falls."""
    engine = options.open_database(dsn, mapping)
    found = _explanation(engine, customer)
    if as_json:
        print_json(found.to_dict())
        return
    for sentence in rfm.sentences(found):
        print_line(sentence)


def _explanation(engine: sqlalchemy.Engine, customer: str) -> rfm.Explanation:
    ids = db.find_customers(engine, customer) if "@" in customer else []
    if len(ids) > 1:
        raise UnknownCustomer(
            f"{count(len(ids), 'customer')} have the e-mail address {customer}; "
            f"pass the id of one: {', '.join(ids)}"
        )
    return db.explain(engine, ids[0] if ids else customer)
