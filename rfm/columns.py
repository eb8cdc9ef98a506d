"""What the columns of the orders are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypedDict

from rfm._check.wording import count, first_few

if TYPE_CHECKING:
    from typing import Self, Unpack


class ColumnNames(TypedDict, total=False):
    """The keywords that name the columns of the orders; `OrderColumns` has the defaults."""

    customer_id: str
    ordered_at: str
    amount: str
    status: str


class OrderColumns(NamedTuple):
    """The names of all columns of the orders."""

    customer_id: str = "customer_id"
    ordered_at: str = "ordered_at"
    amount: str = "amount"
    status: str = "status"

    @classmethod
    def named(cls, **names: Unpack[ColumnNames]) -> Self:
        """Return the given names, with the defaults for the rest.

        Raises TypeError for an unknown keyword, and lists the known ones.

        >>> OrderColumns.named(customer_id="buyer").ordered_at
        'ordered_at'
        >>> OrderColumns.named(customer="buyer")
        Traceback (most recent call last):
        TypeError: 1 unknown keyword: 'customer'; the columns of the orders are named by \
'customer_id', 'ordered_at', 'amount', 'status'
        """
        unknown = [name for name in names if name not in cls._fields]
        if unknown:
            raise TypeError(
                f"{count(len(unknown), 'unknown keyword')}: {first_few(unknown)}; "
                f"the columns of the orders are named by {first_few(cls._fields)}"
            )
        return cls(**names)
