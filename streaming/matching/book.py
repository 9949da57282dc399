"""The limit orders of one symbol, in price-time priority, and the orders themselves.

Each side keeps its price levels in a dict and their prices in a heap, so that the best price costs O(log n) when a
level empties and O(1) otherwise; a level that emptied stays in both until its price comes to the top of the heap. The
orders of a level are linked in a queue, so that taking the oldest and taking out any one are O(1). Everything is an
integer; 0 stands for a price that an order does not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import Any, Final

from streaming.contracts.commands import SelfTradePrevention

HEAP_SLACK: Final = 64
"""How many levels without orders a side may hold beyond those with orders before it forgets them."""

NOWHERE: Final = 0
ON_BOOK: Final = 1
STOP: Final = 2
PARKED: Final = 3
WAITING: Final = 4
"""Where an order is: on the book, a stop that waits, parked for the close, a market order waiting for an auction."""


class Trader:
    """What the market knows of a trader: the highest order id, the default self-trade prevention, the orders by id."""

    def __init__(self, trader_id: int) -> None:
        self.trader_id: Any = trader_id  # see `Order.order_id`
        self.highest_id = 0
        self.prevention: SelfTradePrevention | None = None
        self.orders: dict[int, Order] = {}


class Order:
    """An order that the market took in.

    `left` is what is left of it, hidden part included; `shown` the part that stands in the queue, `peak` the display
    quantity (0: all is shown). `stop_price` is 0 once the order was triggered. `kept` tells whether the market knows
    it by its name. `arrival` and `place` are sequence numbers: of its acceptance, and of what gave it its place.
    """

    def __init__(
        self,
        order_id: Any,
        owner: Trader,
        buy: bool,
        price: int,
        stop_price: int,
        left: int,
        peak: int,
        time_in_force: str,
        expire_time: int,
        post_only: bool,
        prevention: str,
    ) -> None:
        # Ids are told, never reckoned with: as objects they are not made anew from machine words each time.
        self.order_id: Any = order_id
        self.trader_id: Any = owner.trader_id
        self.owner = owner
        self.buy = buy
        self.price = price
        self.stop_price = stop_price
        self.left = left
        self.peak = peak
        self.shown = left
        self.filled = 0
        self.time_in_force = time_in_force
        self.expire_time = expire_time
        self.post_only = post_only
        self.prevention = prevention
        self.arrival = 0
        self.place = 0
        self.where = NOWHERE
        self.kept = False
        self.level: Level | None = None
        self.older: Order | None = None
        self.newer: Order | None = None

    def show(self) -> None:
        """Show as much as an order that comes new to a level does."""
        self.shown = min(self.peak, self.left) if self.peak else self.left

    def shrink(self, left: int) -> None:
        """Let less be left, without showing more than before."""
        assert 0 <= left <= self.left
        self.left = left
        self.shown = min(self.shown, left) if self.peak else left

    @property
    def rests(self) -> bool:
        """Whether what does not trade at once may stand on the book."""
        return self.price != 0 and self.time_in_force not in ("ioc", "fok")


class Level:
    """The orders at one price, oldest first; how many shares they hold together, and how many of these are shown."""

    def __init__(self, rank: int, price: int) -> None:
        self.rank = rank
        self.price = price
        self.left = 0
        self.shown = 0
        self.first: Order | None = None
        self.last: Order | None = None

    def append(self, order: Order) -> None:
        """Put an order behind all others."""
        last = self.last
        order.level = self
        order.older = last
        order.newer = None
        if last is None:
            self.first = order
        else:
            last.newer = order
        self.last = order
        self.left += order.left
        self.shown += order.shown

    def unlink(self, order: Order) -> None:
        """Take an order out, wherever it stands."""
        older, newer = order.older, order.newer
        if older is None:
            self.first = newer
        else:
            older.newer = newer
        if newer is None:
            self.last = older
        else:
            newer.older = older
        order.level = order.older = order.newer = None
        self.left -= order.left
        self.shown -= order.shown


class BookSide:
    """The bids (`sign` -1) or the asks (`sign` 1). A level's rank is `sign * price`: the lowest is the best."""

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self._levels: dict[int, Level] = {}
        self._heap: list[int] = []
        self._empty = 0
        self._best: Level | None = None

    def best(self) -> Level | None:
        """The level that trades first, or None where the side is empty."""
        return self._best

    def rank(self, price: int) -> int:
        """Where a price stands: the lower, the better for who takes it."""
        return price if self.sign > 0 else -price

    def add(self, order: Order) -> None:
        """Put an order behind all others at its price."""
        rank = self.rank(order.price)
        level = self._levels.get(rank)
        if level is None:
            level = self._levels[rank] = Level(rank, order.price)
            heappush(self._heap, rank)
        elif level.first is None:
            self._empty -= 1
        best = self._best
        if best is None or rank < best.rank:
            self._best = level
        level.append(order)
        order.where = ON_BOOK

    def level_of(self, order: Order) -> Level:
        """The level that an order of this side stands on."""
        level = order.level
        assert level is not None
        return level

    def remove(self, order: Order) -> None:
        """Take an order out, wherever it stands."""
        level = self.level_of(order)
        level.unlink(order)
        order.where = NOWHERE
        if level.first is None:
            self._drop(level)

    def fill(self, level: Level, order: Order, shares: int) -> None:
        """Take traded shares off an order's shown part.

        An iceberg shows its next part behind the others; an order without anything left is off the book.
        """
        order.left -= shares
        order.shown -= shares
        order.filled += shares
        level.left -= shares
        level.shown -= shares
        if not order.left:
            self.remove(order)
        elif not order.shown:
            level.unlink(order)
            order.show()
            level.append(order)

    def fill_in_auction(self, order: Order, shares: int) -> None:
        """Take traded shares off an order, the shown part first, without a change of place.

        It may show nothing then: `show_again` when the auction is over.
        """
        level = self.level_of(order)
        hidden = max(0, shares - order.shown)
        level.left -= shares
        level.shown -= shares - hidden
        order.left -= shares
        order.shown -= shares - hidden
        order.filled += shares
        if not order.left:
            self.remove(order)

    def show_again(self, order: Order) -> None:
        """Let an iceberg that shows nothing show its next part, in its place."""
        if not order.shown:
            order.show()
            self.level_of(order).shown += order.shown

    def shrink(self, order: Order, left: int) -> None:
        """Let less be left of an order, in its place."""
        level = self.level_of(order)
        level.left -= order.left
        level.shown -= order.shown
        order.shrink(left)
        level.left += order.left
        level.shown += order.shown
        if not left:
            self.remove(order)

    def _drop(self, level: Level) -> None:
        """A level has no orders any more. It is forgotten when its price comes to the top, or with many others."""
        assert level.left == 0
        assert level.shown == 0
        self._empty += 1
        if level is self._best:
            self._best = self._next_best()
        if 2 * self._empty > len(self._heap) + HEAP_SLACK:
            self._levels = {rank: level for rank, level in self._levels.items() if level.first is not None}
            self._heap = list(self._levels)
            heapify(self._heap)
            self._empty = 0

    def _next_best(self) -> Level | None:
        heap, levels = self._heap, self._levels
        while heap:
            level = levels[heap[0]]
            if level.first is not None:
                return level
            del levels[heappop(heap)]
            self._empty -= 1
        return None

    def in_order(self) -> list[Level]:
        """The levels with orders, best first."""
        return [level for _, level in sorted(self._levels.items()) if level.first is not None]

    def __iter__(self) -> Iterator[Order]:
        """Every order, in priority order."""
        for level in self.in_order():
            order = level.first
            while order is not None:
                yield order
                order = order.newer


class Book:
    """Both sides."""

    def __init__(self) -> None:
        self.bids = BookSide(-1)
        self.asks = BookSide(1)

    def __iter__(self) -> Iterator[Order]:
        """Every order: bids first, each side in priority order."""
        yield from self.bids
        yield from self.asks

    def side(self, buy: bool) -> BookSide:
        """The side that an order of this kind stands on."""
        return self.bids if buy else self.asks

    def crossed(self) -> bool:
        """Whether the best bid could trade with the best ask, which must not be left standing where the market
        matches.
        """
        bid, ask = self.bids.best(), self.asks.best()
        return bid is not None and ask is not None and bid.price >= ask.price
