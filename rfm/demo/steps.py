"""The demo: real customers are scored by the triggers and in Polars, and each score is compared."""

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import polars as pl
from sqlalchemy import Engine

from rfm.db.connect import run_script
from rfm.db.models.stored import active_model
from rfm.db.reads.totals import every_range
from rfm.db.rescore.backfill import backfill
from rfm.db.schema.apply import apply
from rfm.db.sql import read_sql, run
from rfm.demo.cdnow import read_cdnow
from rfm.errors import FoundDifference
from rfm.quintiles import fit
from rfm.scoring import score_frame
from rfm.stored import SCORES, compare_scores
from rfm.summary import summarize_orders

if TYPE_CHECKING:
    from rfm.model import Model

_CUSTOMERS = UUID("5f1c6a52-31b1-4a43-a4a0-0e2f7f2f7a10")
_CHANNELS = ("email", "phone", "chat")
_SUBJECTS = ("Where is my order?", "Newsletter", "Thank you", "A question about an invoice")
_STAGES = ("new", "qualified", "proposal", "won", "lost")


class Demo:
    """A CRM in an empty database. Its steps run in the order of `STEPS`."""

    def __init__(self, engine: Engine) -> None:
        """Prepare a demo whose last purchases are made today."""
        self.engine = engine
        self.as_of = datetime.now(UTC)
        self.orders = pl.DataFrame()
        self.model: Model | None = None
        self.stored = self.expected = pl.DataFrame()

    def read_purchases(self) -> None:
        """Read the CDNOW purchases, and give each customer a UUID, as a CRM does."""
        purchases = read_cdnow(self.as_of.date())
        numbers = purchases["customer"].unique().sort()
        ids = pl.DataFrame(
            {"customer": numbers, "customer_id": [_id(number) for number in numbers]}
        )
        self.orders = purchases.join(ids, on="customer")

    def create_base_tables(self) -> None:
        """Create the tables that a real CRM already has."""
        with self.engine.begin() as connection:
            run_script(connection, read_sql("demo/base_tables"))

    def load_purchases(self) -> None:
        """Load customers and orders."""
        customers = self.orders.select("customer", "customer_id").unique().sort("customer").rows()
        self._copy(
            "copy public.customers (id, email, full_name) from stdin",
            (
                (customer_id, f"customer-{number}@example.com", f"Customer {number}")
                for number, customer_id in customers
            ),
        )
        orders = self.orders.select("customer_id", "amount", "ordered_at").rows()
        self._copy(
            "copy public.orders (customer_id, status, total_cents, currency, created_at)"
            " from stdin",
            ((key, "paid", int(amount * 100), "USD", at) for key, amount, at in orders),
        )

    def load_messages_and_deals(self) -> None:
        """Load generated messages and deals; each run makes the same ones, ending today."""
        dice = random.Random(1997)  # noqa: S311 - made-up data, no secret
        ids = self.orders["customer_id"].unique().sort().to_list()
        self._copy(
            "copy public.messages (customer_id, channel, direction, subject, created_at)"
            " from stdin",
            (
                (
                    key,
                    dice.choice(_CHANNELS),
                    dice.choice(("inbound", "outbound")),
                    dice.choice(_SUBJECTS),
                    self._some_time_ago(dice),
                )
                for key in dice.choices(ids, k=len(ids) // 2)
            ),
        )
        self._copy(
            "copy public.deals (customer_id, title, stage, value_cents, created_at) from stdin",
            (
                (
                    key,
                    "Subscription",
                    dice.choice(_STAGES),
                    dice.randrange(5_000, 500_000),
                    self._some_time_ago(dice),
                )
                for key in dice.choices(ids, k=len(ids) // 10)
            ),
        )

    def apply_migrations(self) -> None:
        """Apply the migrations, which also fills the timeline."""
        apply(self.engine)

    def fit_in_database(self) -> None:
        """Fit quintiles inside the database and activate them."""
        with self.engine.begin() as connection:
            run(connection, "internal/models/fit_in_database", as_of=self.as_of)
        self.model = active_model(self.engine)

    def score_in_database(self) -> None:
        """Score all customers by the triggers."""
        backfill(self.engine)

    def score_in_polars(self) -> None:
        """Fit and score the same purchases in Polars, each customer at `last_scored_at`."""
        model = fit(summarize_orders(self.orders, as_of=self.as_of))
        if model != self.model:
            raise FoundDifference(f"the database fitted {self.model}, Polars fitted {model}")
        with every_range(self.engine, self.as_of) as portions:
            self.stored = pl.concat(
                portion.select("customer_id", "last_scored_at", *SCORES) for portion in portions
            )
        instants = self.stored.select("customer_id", "last_scored_at")
        summary = summarize_orders(self.orders, as_of=pl.col("last_scored_at"), customers=instants)
        self.expected = score_frame(summary, model)

    def compare(self) -> None:
        """Raise `FoundDifference` for the first customer whose two scores differ."""
        compared = compare_scores(self.stored, self.expected)
        for row in compared.filter(~pl.col("agree")).head(1).rows(named=True):
            raise FoundDifference(f"database and Polars differ: {row}")

    def query(self, name: str) -> tuple[list[str], list[tuple[object, ...]]]:
        """Run a file of sql/queries/; return its columns and rows."""
        with self.engine.connect() as connection:
            cursor = run(connection, f"queries/{name}")
            return [column.name for column in cursor.description or ()], cursor.fetchall()

    def _some_time_ago(self, dice: random.Random) -> datetime:
        return self.as_of - timedelta(seconds=dice.randrange(540 * 86_400))

    def _copy(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        with self.engine.begin() as connection:
            cursor = connection.connection.cursor()
            with cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)


STEPS: tuple[tuple[str, Callable[[Demo], None]], ...] = (
    ("Read the CDNOW purchases", Demo.read_purchases),
    ("Create the CRM's base tables", Demo.create_base_tables),
    ("Load customers and orders", Demo.load_purchases),
    ("Load messages and deals", Demo.load_messages_and_deals),
    ("Apply the migrations", Demo.apply_migrations),
    ("Fit quintiles in the database", Demo.fit_in_database),
    ("Score everybody by the triggers", Demo.score_in_database),
    ("Score everybody in Polars", Demo.score_in_polars),
    ("Compare every score", Demo.compare),
)


def _id(number: int) -> str:
    return str(uuid5(_CUSTOMERS, f"customer {number}"))
