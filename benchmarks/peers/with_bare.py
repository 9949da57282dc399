"""The bare book of `peers/bare.py`."""

from __future__ import annotations

from collections.abc import Iterable

from peers.bare import Book
from peers.stream import ADD, CANCEL, Event, Fill

Work = tuple[bool, int, bool, int | None, int]


class Peer:
    """What it takes is what the stream has."""

    def __init__(self) -> None:
        self.book = Book()

    def translate(self, stream: Iterable[Event]) -> list[Work]:
        """Market orders have no price."""
        return [(e.kind == CANCEL, e.order_id, e.buy, e.price if e.kind == ADD else None, e.quantity) for e in stream]

    def run(self, work: list[Work]) -> None:
        """Each call returns the order's fills."""
        add, cancel = self.book.add, self.book.cancel
        for is_cancel, order_id, buy, price, quantity in work:
            if is_cancel:
                cancel(order_id)
            else:
                add(order_id, buy, price, quantity)

    def fills(self, work: list[Work]) -> list[Fill]:
        """From what `add` returns."""
        found: list[Fill] = []
        for is_cancel, order_id, buy, price, quantity in work:
            if is_cancel:
                self.book.cancel(order_id)
            else:
                found.extend((at, shares) for at, shares, _ in self.book.add(order_id, buy, price, quantity))
        return found
