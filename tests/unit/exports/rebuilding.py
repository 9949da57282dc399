"""Readers of the exported files that know nothing of the exchange, and days to export."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path

from streaming.contracts.commands import AnyCommand
from streaming.contracts.events import BookEvent
from streaming.matching.exchange import SymbolMarket

Resting = tuple[int, str, int, int]
"""Order id, side (B or A), price in 1/10,000 dollar, shares."""
SNAPSHOT_FLAG, LAST_FLAG = 32, 128
FIRST_DAY = dt.date(2026, 1, 2)


def run(market: SymbolMarket, commands: Iterable[AnyCommand]) -> list[BookEvent]:
    """What the market says to the commands."""
    return [event for command in commands for event in market.apply(command)]


def shown(market: SymbolMarket) -> list[Resting]:
    """The book as others see it: bids first, each side in priority order."""
    return [(order.arrival, "B" if order.buy else "A", order.price, order.shown) for order in market.book]


class Book:
    """Orders by their id; a dict keeps the order in which they came, so that it is a queue at each price."""

    def __init__(self) -> None:
        self.orders: dict[int, tuple[str, int, int]] = {}

    def add(self, order: int, side: str, price: int, size: int) -> None:
        assert order not in self.orders, f"order {order} stands already"
        assert size > 0
        self.orders[order] = (side, price, size)

    def take(self, order: int, side: str, price: int, size: int) -> int:
        """Take shares off an order, which must stand as told; how many are left."""
        found_side, found_price, found_size = self.orders[order]
        assert (found_side, found_price) == (side, price)
        assert 0 < size <= found_size
        if size == found_size:
            del self.orders[order]
        else:
            self.orders[order] = (side, price, found_size - size)
        return found_size - size

    def modify(self, order: int, side: str, price: int, size: int) -> None:
        """Another price or more shares lose the place, fewer keep it."""
        found_side, found_price, found_size = self.orders[order]
        assert found_side == side
        if price != found_price or size > found_size:
            del self.orders[order]
        self.orders[order] = (side, price, size)

    def resting(self) -> list[Resting]:
        """Bids first, each side in priority order."""
        orders = [(order, *rest) for order, rest in self.orders.items()]
        return sorted(orders, key=lambda order: (order[1] == "A", -order[2] if order[1] == "B" else order[2]))

    def levels(self, side: str) -> list[tuple[int, int]]:
        """Price and size of each level, best first."""
        sizes: dict[int, int] = {}
        for _, found, price, size in self.resting():
            if found == side:
                sizes[price] = sizes.get(price, 0) + size
        return list(sizes.items())


def lobster_books(path: Path) -> Iterator[Book]:
    """The book after each message, from the message file alone."""
    book = Book()
    for row in csv.reader(path.read_text().splitlines()):
        kind, order, size, price, direction = map(int, row[1:])
        side = {1: "B", -1: "A"}[direction]
        if kind == 1:
            book.add(order, side, price, size)
        elif kind == 2:
            assert book.take(order, side, price, size) > 0, "a partial cancellation leaves something"
        elif kind == 3:
            assert book.take(order, side, price, size) == 0, "a deletion leaves nothing"
        elif kind == 4:
            book.take(order, side, price, size)
        else:
            assert kind in (5, 6, 7)
        yield book


def lobster_row(book: Book, levels: int) -> list[int]:
    """The line of an order-book file that a book makes."""
    asks, bids = book.levels("A")[:levels], book.levels("B")[:levels]
    asks += [(9999999999, 0)] * (levels - len(asks))
    bids += [(-9999999999, 0)] * (levels - len(bids))
    return [number for ask, bid in zip(asks, bids, strict=True) for number in (*ask, *bid)]


def mbo_books(path: Path) -> Iterator[Book]:
    """The book after each event (a record with the flag F_LAST), from the actions A, C, M and R alone."""
    book = Book()
    filled: dict[int, int] = {}
    for row in csv.DictReader(path.read_text().splitlines()):
        action, side, order, size = row["action"], row["side"], int(row["order_id"]), int(row["size"])
        price, rest = divmod(int(row["price"]), 100_000)
        if action == "R":
            book.orders.clear()
        elif action == "A":
            assert rest == 0
            book.add(order, side, price, size)
        elif action == "C":
            book.take(order, side, price, size)
            assert filled.pop(order, size) == size, "what is taken off after a fill was filled"
        elif action == "M":
            book.modify(order, side, price, size)
        elif action == "F":
            assert book.orders[order][0] == side, "what is filled stands"
            filled[order] = size
        else:
            assert action == "T"
        if int(row["flags"]) & LAST_FLAG:
            assert not filled, "each fill goes with a cancel"
            yield book
