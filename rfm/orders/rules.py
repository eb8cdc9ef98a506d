"""Which rows of the orders count, and what they are worth: the caller's choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from rfm._check.wording import count, first_few
from rfm.columns import ColumnNames, OrderColumns
from rfm.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import polars as pl

UNCOUNTED_STATUSES: Final = ("cancelled", "canceled", "refunded", "failed", "void")
"""An order with one of these statuses, in any case, does not count."""

Refunds = Literal["order", "net", "ignore"]
"""What a negative amount is: an order like any other, a deduction, or nothing."""

_REFUNDS: Final[dict[str, Refunds]] = {"order": "order", "net": "net", "ignore": "ignore"}


class OrderOptions(ColumnNames, total=False):
    """The keywords of `rfm.summarize_orders` and `rfm.inspect`; `OrderRules` explains them."""

    order_id: str | None
    quantity: str | None
    currency: str | None
    in_currency: str | None
    rates: pl.DataFrame | None
    uncounted_statuses: Collection[str]
    refunds: Refunds
    drop_null_customers: bool
    exclude_customers: pl.Series | Collection[Any] | None


class OrderRules(NamedTuple):
    """The choices beyond the four columns.

    order_id: column of order numbers. Rows with the same customer and number are the lines of one
        order: their amounts are added, and the newest line has its time.
    quantity: column of quantities; `amount` is then the price of one.
    currency: column of currencies. Several of them are an error, unless `in_currency` selects one
        or `rates` converts them.
    in_currency: only orders in this currency count; with `rates`, amounts are converted to it.
    rates: a frame with `currency`, `rate` (the value of 1 in `in_currency`) and `valid_from`.
        An order is converted with the newest rate that is valid at its time.
    uncounted_statuses: more statuses that do not count, besides UNCOUNTED_STATUSES. With them,
        blanks around a status and its case do not matter.
    refunds: what a negative amount is. "order": an order like any other, as in the database.
        "net": it is subtracted from the spend, but it is no order and does not refresh recency.
        "ignore": it does not count.
    drop_null_customers: leave out the rows whose customer is null or blank.
    exclude_customers: leave out the rows of these customers.
    """

    order_id: str | None = None
    quantity: str | None = None
    currency: str | None = None
    in_currency: str | None = None
    rates: pl.DataFrame | None = None
    uncounted_statuses: Collection[str] = ()
    refunds: Refunds = "order"
    drop_null_customers: bool = False
    exclude_customers: pl.Series | Collection[Any] | None = None

    def columns(self) -> list[str]:
        """Return the names of the columns that these rules need."""
        return [name for name in (self.order_id, self.quantity, self.currency) if name]

    def with_columns(self, names: OrderColumns) -> OrderOptions:
        """Return the names of the four columns and these rules as keywords."""
        return OrderOptions(
            customer_id=names.customer_id,
            ordered_at=names.ordered_at,
            amount=names.amount,
            status=names.status,
            order_id=self.order_id,
            quantity=self.quantity,
            currency=self.currency,
            in_currency=self.in_currency,
            rates=self.rates,
            uncounted_statuses=self.uncounted_statuses,
            refunds=self.refunds,
            drop_null_customers=self.drop_null_customers,
            exclude_customers=self.exclude_customers,
        )


NO_RULES: Final = OrderRules()
"""The rules of the database: the defaults."""


def read_options(options: OrderOptions) -> tuple[OrderColumns, OrderRules]:
    """Split the keywords into the names of the four columns and the rules.

    Raises TypeError for an unknown keyword, and InvalidArgument for rules that cannot be followed.

    >>> names, rules = read_options({"customer_id": "buyer", "refunds": "net"})
    >>> names.customer_id, rules.refunds
    ('buyer', 'net')
    """
    names: dict[str, Any] = {}
    rules: dict[str, Any] = {}
    unknown = []
    for name, value in options.items():
        if name in OrderColumns._fields:
            names[name] = value
        elif name in OrderRules._fields:
            rules[name] = value
        else:
            unknown.append(name)
    if unknown:
        raise TypeError(
            f"{count(len(unknown), 'unknown keyword')}: {first_few(unknown)}; the columns of the "
            f"orders are named by {first_few(OrderColumns._fields)}, and the other keywords are "
            f"{first_few(OrderRules._fields, limit=20)}"
        )
    chosen = OrderRules(**rules)
    refunds_called(chosen.refunds)
    for problem in _contradictions(chosen):
        raise InvalidArgument(problem)
    return OrderColumns(**names), chosen


def refunds_called(name: str) -> Refunds:
    """Return the policy for negative amounts of this name; raise InvalidArgument if there is none.

    >>> refunds_called("net")
    'net'
    """
    if name not in _REFUNDS:
        raise InvalidArgument(f"`refunds` is {name!r}; use 'order', 'net' or 'ignore'")
    return _REFUNDS[name]


def _contradictions(rules: OrderRules) -> Iterator[str]:
    if isinstance(rules.uncounted_statuses, str):
        yield "`uncounted_statuses` is one text; pass a list of texts"
    if rules.in_currency is not None and rules.currency is None:
        yield "`in_currency` has no effect without `currency`, the column of currencies"
    if rules.rates is not None and rules.in_currency is None:
        yield "`rates` has no effect without `in_currency`, the currency to convert to"
