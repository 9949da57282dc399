"""The resting orders of one symbol, in price-time priority.

Each side keeps its price levels in a dict and their prices in a heap, so that the best price costs O(log n) when a
level empties and O(1) otherwise; each level is an ordered dict of its orders, so that taking the oldest and taking
out any one are O(1). Everything is an integer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from msgspec import Struct

from streaming.contracts.events import Side

HEAP_SLACK = 64
"""How many prices without orders a side's heap may hold beyond its levels before it is rebuilt."""


class Order(Struct, array_like=True, gc=False):
    """An order on the book: `quantity` is what is left of it, `day` tells whether the close takes it off."""

    order_id: int
    trader_id: int
    side: Side
    price: int
    quantity: int
    day: bool


Name = tuple[int, int]
"""What names an order within its symbol: trader id and order id."""


class Level:
    """The orders at one price, oldest first, and how many shares they hold together."""

    __slots__ = ("orders", "price", "quantity")

    def __init__(self, price: int) -> None:
        self.price = price
        self.quantity = 0
        self.orders: OrderedDict[Name, Order] = OrderedDict()


class BookSide:
    """The bids (`sign` -1) or the asks (`sign` 1). A level's rank is `sign * price`: the lowest is the best."""

    __slots__ = ("_heap", "_levels", "_ranked", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self._levels: dict[int, Level] = {}
        self._heap: list[int] = []
        self._ranked: set[int] = set()

    def best(self) -> Level | None:
        """The level that trades first, or None where the side is empty."""
        heap, levels = self._heap, self._levels
        while heap:
            level = levels.get(heap[0])
            if level is not None:
                return level
            self._ranked.remove(heappop(heap))
        return None

    def add(self, order: Order) -> None:
        """Put an order behind all others at its price."""
        rank = self.sign * order.price
        level = self._levels.get(rank)
        if level is None:
            level = self._levels[rank] = Level(order.price)
            if rank not in self._ranked:
                self._ranked.add(rank)
                heappush(self._heap, rank)
        level.orders[order.trader_id, order.order_id] = order
        level.quantity += order.quantity

    def remove(self, order: Order) -> None:
        """Take an order out, wherever it stands."""
        level = self._levels[self.sign * order.price]
        del level.orders[order.trader_id, order.order_id]
        level.quantity -= order.quantity
        if not level.orders:
            self.drop(level)

    def drop(self, level: Level) -> None:
        """Forget a level without orders. Its price leaves the heap when it comes to the top, or with many others."""
        assert not level.orders
        assert level.quantity == 0
        del self._levels[self.sign * level.price]
        if len(self._heap) > 2 * len(self._levels) + HEAP_SLACK:
            self._heap = list(self._levels)
            heapify(self._heap)
            self._ranked = set(self._heap)

    def __iter__(self) -> Iterator[Order]:
        """Every order, in priority order."""
        for rank in sorted(self._levels):
            yield from self._levels[rank].orders.values()


class Book:
    """Both sides, and every order by its name."""

    __slots__ = ("_orders", "asks", "bids")

    def __init__(self) -> None:
        self.bids = BookSide(-1)
        self.asks = BookSide(1)
        self._orders: dict[Name, Order] = {}

    def __len__(self) -> int:
        return len(self._orders)

    def __iter__(self) -> Iterator[Order]:
        """Every order: bids first, each side in priority order."""
        yield from self.bids
        yield from self.asks

    def get(self, trader_id: int, order_id: int) -> Order | None:
        """The order of that name, if it rests here."""
        return self._orders.get((trader_id, order_id))

    def add(self, order: Order) -> None:
        """Let an order rest. It must not cross: `take` first."""
        name = (order.trader_id, order.order_id)
        assert order.quantity > 0
        assert name not in self._orders
        self._orders[name] = order
        (self.bids if order.side == "buy" else self.asks).add(order)

    def remove(self, order: Order) -> None:
        """Take a resting order off the book."""
        del self._orders[order.trader_id, order.order_id]
        (self.bids if order.side == "buy" else self.asks).remove(order)

    def take(self, side: Side, quantity: int, limit: int | None) -> list[tuple[Order, int]]:
        """Trade up to `quantity` shares for an incoming order of `side`, at `limit` or better (None: at any price).

        Returns the makers with the shares that each gave, in the order of trading; a maker without anything left is
        off the book.
        """
        makers = self.asks if side == "buy" else self.bids
        worst = None if limit is None else makers.sign * limit
        fills: list[tuple[Order, int]] = []
        while quantity:
            level = makers.best()
            if level is None or (worst is not None and makers.sign * level.price > worst):
                break
            orders = level.orders
            while quantity and orders:
                maker = next(iter(orders.values()))
                shares = min(quantity, maker.quantity)
                assert shares > 0
                quantity -= shares
                level.quantity -= shares
                maker.quantity -= shares
                if not maker.quantity:
                    name = (maker.trader_id, maker.order_id)
                    del orders[name]
                    del self._orders[name]
                fills.append((maker, shares))
            if not orders:
                makers.drop(level)
        assert quantity >= 0
        return fills

    def crossed(self) -> bool:
        """Whether the best bid could trade with the best ask, which must never be left standing."""
        bid, ask = self.bids.best(), self.asks.best()
        return bid is not None and ask is not None and bid.price >= ask.price
