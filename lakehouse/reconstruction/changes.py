"""What others see happen to a symbol's book, change by change: what the file formats are written from.

Prices are integers of 1/10,000 dollar, sizes shares, times microseconds since the Unix epoch, UTC. An order is named
by the sequence of its `accepted` event: a number that no other order of the symbol has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Added:
    """An order is shown, behind the others at its price.

    `before` are orders at the price that it stands before nevertheless, in their order: after an auction an iceberg
    shows its next part without a change of place.
    """

    sequence: int
    time: int
    order: int
    buy: bool
    price: int
    size: int
    before: tuple[Added, ...] = ()


@dataclass(frozen=True, slots=True)
class Reduced:
    """`size` shares of an order are shown no more and `left` still are, in its place.

    `replaced` where its trader (or the price band) asked for another order instead of taking shares off.
    """

    sequence: int
    order: int
    buy: bool
    price: int
    size: int
    left: int
    replaced: bool


@dataclass(frozen=True, slots=True)
class Traded:
    """A trade. What it does to the book is told by the `Executed` that follow.

    `taker` is the incoming order; in an auction there is none: 0, and `aggressor` is `none`.
    """

    sequence: int
    price: int
    size: int
    aggressor: Literal["buy", "sell", "none"]
    taker: int


@dataclass(frozen=True, slots=True)
class Executed:
    """An order on the book was filled: `size` of its shown shares, of which `left` remain, and `hidden` others.

    `price` is where it stands, `trade_price` what it traded at; they differ in auctions alone, as only there hidden
    shares trade.
    """

    sequence: int
    order: int
    buy: bool
    price: int
    size: int
    left: int
    hidden: int
    trade_price: int


@dataclass(frozen=True, slots=True)
class Crossed:
    """An auction was held, and traded `size` shares at `price`, all told by `Executed` before."""

    sequence: int
    price: int
    size: int


@dataclass(frozen=True, slots=True)
class Halted:
    """The market was halted or paused, or is so no more."""

    sequence: int
    halted: bool


Change = Added | Reduced | Traded | Executed | Crossed | Halted


@dataclass(frozen=True, slots=True)
class Update:
    """Changes that belong together: an incoming order with its trades and what then stands of it, or an auction."""

    time: int
    changes: list[Change]
