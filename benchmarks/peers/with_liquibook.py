"""liquibook: the C++ book behind SWIG, with a listener in Python that hears of each order, trade and cancel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import liquibook

from peers.stream import ADD, CANCEL, Event, Fill

Work = tuple[int, Any]
PLAIN, AT_ONCE = liquibook.oc_no_conditions, liquibook.oc_immediate_or_cancel


class Deaf(liquibook.OrderListener):  # type: ignore[misc]
    """Hears everything and does nothing. The listener that is built in raises when it is called."""

    def __init__(self) -> None:
        liquibook.OrderListener.__init__(self)

    def on_accept(self, order: Any) -> None:
        """An order is in."""

    def on_reject(self, order: Any, reason: str) -> None:
        """An order was refused."""

    def on_fill(self, order: Any, matched: Any, quantity: int, price: int) -> None:
        """A trade."""

    def on_cancel(self, order: Any) -> None:
        """An order was taken off."""

    def on_cancel_reject(self, order: Any, reason: str) -> None:
        """There was no such order."""


class Listener(Deaf):
    """Notes trades."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Fill] = []

    def on_fill(self, order: Any, matched: Any, quantity: int, price: int) -> None:
        """The price is the resting order's."""
        self.heard.append((price, quantity))


class Peer:
    """The plain book, without the depth that DepthOrderBook keeps beside it."""

    heard = True

    def __init__(self) -> None:
        self.book = liquibook.liquibook_book_OrderBook()
        self.orders: dict[int, Any] = {}
        if self.heard:
            self.listen(Deaf())

    def listen(self, listener: Deaf) -> None:
        """The book does not keep its listener alive, so we do."""
        self.listener = listener
        self.book.set_order_listener(listener)

    def translate(self, stream: Iterable[Event]) -> list[Work]:
        """A cancel takes the order itself, so whoever may cancel has to keep it.

        Immediate-or-cancel has to be said again when the order is added: what the order says is not asked.
        """
        work: list[Work] = []
        for event in stream:
            if event.kind == CANCEL:
                work.append((CANCEL, self.orders[event.order_id]))
            elif event.kind == ADD:
                order = liquibook.SimpleOrder(event.buy, event.price, event.quantity)
                self.orders[event.order_id] = order
                work.append((ADD, order))
            else:
                work.append((event.kind, liquibook.SimpleOrder(event.buy, 0, event.quantity, 0, AT_ONCE)))
        return work

    def run(self, work: list[Work]) -> None:
        """The listener hears what comes of each call."""
        add, cancel = self.book.add, self.book.cancel
        for kind, order in work:
            if kind == CANCEL:
                cancel(order)
            else:
                add(order, PLAIN if kind == ADD else AT_ONCE)

    def fills(self, work: list[Work]) -> list[Fill]:
        """From the listener."""
        listener = Listener()
        self.listen(listener)
        self.run(work)
        return listener.heard


class Unheard(Peer):
    """The same without a listener: what the binding costs alone; nobody learns of a trade."""

    heard = False


class Recorder(Deaf):
    """Notes all that it hears, as ours answers with all that happened."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[Any, ...]] = []

    def on_accept(self, order: Any) -> None:
        """An order is in."""
        self.heard.append(("accepted", order.order_qty(), order.price()))

    def on_fill(self, order: Any, matched: Any, quantity: int, price: int) -> None:
        """A trade."""
        self.heard.append(("trade", quantity, price))

    def on_cancel(self, order: Any) -> None:
        """An order was taken off."""
        self.heard.append(("cancelled", order.open_qty()))

    def on_cancel_reject(self, order: Any, reason: str) -> None:
        """There was no such order."""
        self.heard.append(("rejected", reason))


class Whole(Peer):
    """The same, doing what ours does in a call: it makes the order that is to rest, and notes all that happened."""

    def __init__(self) -> None:
        super().__init__()
        self.listen(Recorder())

    def translate(self, stream: Iterable[Event]) -> list[Event]:
        """Orders are made in the book's time."""
        return list(stream)

    def run(self, work: list[Event]) -> None:
        """The listener records what comes of each call."""
        add, cancel, orders, make = self.book.add, self.book.cancel, self.orders, liquibook.SimpleOrder
        for event in work:
            kind = event.kind
            if kind == CANCEL:
                cancel(orders[event.order_id])
            elif kind == ADD:
                order = orders[event.order_id] = make(event.buy, event.price, event.quantity)
                add(order, PLAIN)
            else:
                add(make(event.buy, 0, event.quantity, 0, AT_ONCE), AT_ONCE)
