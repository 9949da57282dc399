"""An order as the events tell of it, and the price levels that orders make."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nlargest, nsmallest

Key = tuple[int, int]
"""What names an order within a symbol: trader and order id."""


@dataclass(slots=True, eq=False)
class Order:
    """An order that is not done. `left` counts the hidden part too; `shown` is what others see of it.

    `number` is the sequence of its acceptance (0 where that was not read), `sequence` and `time` are of what put it
    where it stands. `total` (its shares, filled ones included) and `peak` (the display quantity, 0: all is shown) are
    None where they are not known: a snapshot of the book tells neither.
    """

    key: Key
    number: int
    buy: bool
    price: int
    stop_price: int
    left: int
    total: int | None
    peak: int | None
    time_in_force: str
    shown: int = 0
    on_book: bool = False
    parked: bool = False
    place: int = 0
    time: int = 0
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Level:
    """A price, the shares that are shown at it, and by how many orders."""

    price: int
    shown: int
    orders: int


class Ladder:
    """The levels of one side."""

    def __init__(self, buy: bool) -> None:
        self._buy = buy
        self._levels: dict[int, tuple[int, int]] = {}

    def change(self, price: int, shown: int, orders: int) -> None:
        """Let a price show so many more shares of so many more orders, or fewer."""
        before = self._levels.get(price, (0, 0))
        after = before[0] + shown, before[1] + orders
        if after[1]:
            self._levels[price] = after
        else:
            del self._levels[price]

    def best(self, most: int | None = None) -> list[Level]:
        """The best `most` levels (all without it), best first."""
        count = len(self._levels) if most is None else most
        prices = nlargest(count, self._levels) if self._buy else nsmallest(count, self._levels)
        return [Level(price, *self._levels[price]) for price in prices]

    @property
    def top(self) -> int | None:
        """The best price."""
        if not self._levels:
            return None
        return max(self._levels) if self._buy else min(self._levels)
