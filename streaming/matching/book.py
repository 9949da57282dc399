"""The limit orders of one symbol, in price-time priority, and the orders themselves.

Each side keeps its price levels in a dict and their prices in a heap, so that the best price costs O(log n) when a
level empties and O(1) otherwise; the orders of a level are linked in a queue, so that taking the oldest and taking out
any one are O(1). Everything is an integer; 0 stands for a price that an order does not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import Final

from streaming.contracts.commands import SelfTradePrevention

HEAP_SLACK: Final = 64
"""How many prices without orders a side's heap may hold beyond its levels before it is rebuilt."""

NOWHERE: Final = 0
ON_BOOK: Final = 1
STOP: Final = 2
PARKED: Final = 3
WAITING: Final = 4
"""Where an order is: on the book, a stop that waits, parked for the close, a market order waiting for an auction."""


class Trader:
    """What the market knows of a trader: the highest order id, the default self-trade prevention, the orders by id."""

    def __init__(self, trader_id: int) -> None:
        self.trader_id = trader_id
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
        order_id: int,
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
        self.order_id = order_id
        self.owner = owner
        self.trader_id = owner.trader_id
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
        self.levels: dict[int, Level] = {}
        self._heap: list[int] = []
        self._ranked: set[int] = set()
        self._best: Level | None = None

    def best(self) -> Level | None:
        """The level that trades first, or None where the side is empty."""
        return self._best

    def add(self, order: Order) -> None:
        """Put an order behind all others at its price."""
        rank = self.sign * order.price
        level = self.levels.get(rank)
        if level is None:
            level = self.levels[rank] = Level(rank, order.price)
            if rank not in self._ranked:
                self._ranked.add(rank)
                heappush(self._heap, rank)
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
        """Forget a level without orders. Its price leaves the heap when it comes to the top, or with many others."""
        assert level.left == 0
        assert level.shown == 0
        del self.levels[level.rank]
        if level is self._best:
            self._best = self._next_best()
        if len(self._heap) > 2 * len(self.levels) + HEAP_SLACK:
            self._heap = list(self.levels)
            heapify(self._heap)
            self._ranked = set(self._heap)

    def _next_best(self) -> Level | None:
        heap, levels = self._heap, self.levels
        while heap:
            level = levels.get(heap[0])
            if level is not None:
                return level
            self._ranked.remove(heappop(heap))
        return None

    def in_order(self) -> list[Level]:
        """The levels, best first."""
        levels = self.levels
        return [levels[rank] for rank in sorted(levels)]

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
