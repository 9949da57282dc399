"""A symbol's market-by-order feed: what others see of the book, change by change, from the exchange's events.

Only what is shown counts: an iceberg order is its shown part, and stop orders, parked orders and market orders that
wait are not there. docs/rule-book.md says what each event does.
"""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.exports.changes import Added, Change, Crossed, Executed, Halted, Reduced, Traded, Update
from streaming.contracts.events import (
    Accepted,
    BookEvent,
    Cancelled,
    Expired,
    MarketStatus,
    Replaced,
    Trade,
    Triggered,
)

ENDS_AT_CLOSE = ("day", "at_the_open", "at_the_close")
"""The times in force of orders that a `closed` session ends."""
Key = tuple[int, int]
"""What names an order within a symbol: trader and order id."""


class FeedError(ValueError):
    """The events cannot be a whole feed: one speaks of an order that is not there, or takes more than is left."""


@dataclass(slots=True, eq=False)
class Order:
    """An order that is not done. `shown` is what others see of `left`; `peak` the display quantity, 0 if none."""

    number: int
    buy: bool
    price: int
    stop_price: int
    left: int
    peak: int
    time_in_force: str
    shown: int = 0
    filled: int = 0
    on_book: bool = False
    parked: bool = False
    place: int = 0
    time: int = 0
    sequence: int = 0

    @property
    def part(self) -> int:
        """What it shows when it comes new to the book."""
        return min(self.peak, self.left) if self.peak else self.left


class Feed:
    """Events in, in the order of their sequence; changes of the shown book out.

    An incoming order's rest stands on the book without an event of its own: that is known when an event comes that
    does not belong to its matching any more.
    """

    def __init__(self) -> None:
        self.orders: dict[Key, Order] = {}
        self.session = ""
        self.halted = False
        self._matching = True  # a market without reference data trades before any status
        self._incoming: Order | None = None
        self._auction: list[Order] | None = None
        self._changes: list[Change] = []
        self._places = 0
        self._sequence = 0
        self._time = 0

    def apply(self, event: BookEvent) -> list[Update]:
        """Take in an event; the updates that are complete now."""
        done: list[Update] = []
        if not self._continues(event):
            done = self.finish()
        assert event.sequence is not None
        self._sequence, self._time = event.sequence, event.event_time
        self._take_in(event)
        if self._incoming is None and self._auction is None:
            done += self._told()
        return done

    def finish(self) -> list[Update]:
        """What an incoming order or an auction leaves, when nothing of theirs follows."""
        order, self._incoming = self._incoming, None
        if order is not None and order.left:
            if not order.price or order.time_in_force in ("ioc", "fok"):
                raise FeedError(f"order {order.number} can neither stand nor is it cancelled after {self._sequence}")
            self._join(order)
        for order in self._auction or ():
            if order.left and not order.shown:
                self._show_again(order)
        self._auction = None
        return self._told()

    def book(self) -> list[Added]:
        """The shown orders as they stand: bids first, each side in priority order."""
        standing = [order for order in self.orders.values() if order.on_book]
        standing.sort(key=lambda order: (not order.buy, -order.price if order.buy else order.price, order.place))
        return [
            Added(order.sequence, order.time, order.number, order.buy, order.price, order.shown) for order in standing
        ]

    def overdue(self) -> int:
        """How many orders stand in a closed market that its close must have ended: their expiry is missing."""
        if self.session != "closed":
            return 0
        return sum(order.time_in_force in ENDS_AT_CLOSE for order in self.orders.values())

    def _told(self) -> list[Update]:
        if not self._changes:
            return []
        update = Update(self._time, self._changes)
        self._changes = []
        return [update]

    def _continues(self, event: BookEvent) -> bool:
        """Whether an event belongs to the matching or auction that goes on."""
        if self._auction is not None:
            return isinstance(event, Trade) and event.aggressor_side == "none"
        order = self._incoming
        if order is None:
            return True
        if isinstance(event, Trade):
            return event.aggressor_side != "none" and self.orders.get(_taker(event)) is order
        if isinstance(event, Cancelled):
            own = self.orders.get((event.trader_id, event.order_id)) is order
            return event.reason == "self_trade_prevention" or (own and event.reason == "unfilled_remainder")
        if isinstance(event, Replaced):
            return event.reason == "price_band" and self.orders.get((event.trader_id, event.order_id)) is order
        return False

    def _take_in(self, event: BookEvent) -> None:
        match event:
            case Accepted():
                self._accepted(event)
            case Replaced():
                self._replaced(event)
            case Triggered():
                order = self._order((event.trader_id, event.order_id))
                order.stop_price = 0
                self._incoming = order
            case Cancelled():
                self._take_off((event.trader_id, event.order_id), event.quantity)
            case Expired():
                self._take_off((event.trader_id, event.order_id), event.quantity)
            case Trade() if event.aggressor_side == "none":
                self._auction_trade(event)
            case Trade():
                self._trade(event)
            case MarketStatus():
                self._status(event)
            case _:  # rejections and sums change nothing
                pass

    def _order(self, key: Key) -> Order:
        order = self.orders.get(key)
        if order is None:
            trader, number = key
            raise FeedError(f"event {self._sequence} names order {number} of trader {trader}, which is not there")
        return order

    def _accepted(self, event: Accepted) -> None:
        order = self.orders[event.trader_id, event.order_id] = Order(
            number=event.sequence,
            buy=event.side == "buy",
            price=event.price or 0,
            stop_price=event.stop_price or 0,
            left=event.quantity,
            peak=event.display_quantity or 0,
            time_in_force=event.time_in_force,
        )
        self._enter(order)

    def _enter(self, order: Order) -> None:
        """An order waits, is parked, comes in or stands."""
        self._places += 1
        order.place = self._places
        if order.stop_price:
            return
        if order.time_in_force == "at_the_close" and self.session != "closing_auction":
            order.parked = True
        elif self._matching:
            self._incoming = order
        elif order.price:
            self._join(order)

    def _join(self, order: Order, before: tuple[Added, ...] = ()) -> None:
        """An order is shown behind the others at its price, unless it stands `before` some."""
        if not before:
            self._places += 1
            order.place = self._places
        order.on_book, order.parked = True, False
        order.shown = order.part
        order.time, order.sequence = self._time, self._sequence
        self._changes.append(
            Added(self._sequence, self._time, order.number, order.buy, order.price, order.shown, before)
        )

    def _show_again(self, order: Order) -> None:
        """An iceberg shows its next part where it stands."""
        place, side, price = order.place, order.buy, order.price
        behind = [other for other in self.book() if other.buy == side and other.price == price and other.size]
        places = {other.number: other.place for other in self.orders.values()}
        self._join(order, tuple(other for other in behind if places[other.order] > place))

    def _leave(self, order: Order, *, replaced: bool) -> None:
        """An order is shown no more."""
        if order.on_book:
            self._show_less(order, 0, replaced=replaced)
        order.on_book = order.parked = False

    def _show_less(self, order: Order, shown: int, *, replaced: bool) -> None:
        if shown != order.shown:
            size = order.shown - shown
            self._changes.append(
                Reduced(self._sequence, order.number, order.buy, order.price, size, shown, replaced=replaced)
            )
        order.shown = shown

    def _take_off(self, key: Key, quantity: int) -> None:
        order = self._order(key)
        if quantity > order.left:
            raise FeedError(f"event {self._sequence} takes {quantity} off an order with {order.left} left")
        self._shrink(order, order.left - quantity, replaced=False)
        if not order.left:
            del self.orders[key]

    def _shrink(self, order: Order, left: int, *, replaced: bool) -> None:
        """Less is left of an order, in its place."""
        order.left = left
        if order.on_book:
            self._show_less(order, min(order.shown, left), replaced=replaced)

    def _replaced(self, event: Replaced) -> None:
        order = self._order((event.trader_id, event.order_id))
        price, stop_price, left = event.price or 0, event.stop_price or 0, event.quantity - order.filled
        if left <= 0:
            raise FeedError(f"event {self._sequence} leaves nothing of an order, and does not cancel it")
        if order is self._incoming:  # brought to the price band as it comes in
            order.price = price
        elif price == order.price and stop_price == order.stop_price and left <= order.left:
            self._shrink(order, left, replaced=True)
        else:
            self._leave(order, replaced=True)
            order.price, order.stop_price, order.left = price, stop_price, left
            if event.reason == "price_band":  # the book was not crossed: nothing can trade
                self._join(order)
            else:
                self._enter(order)

    def _trade(self, event: Trade) -> None:
        taker = self._order(_taker(event))
        if taker is not self._incoming:
            raise FeedError(f"event {self._sequence} is a trade of an order that did not just come in")
        self._changes.append(Traded(self._sequence, event.price, event.quantity, event.aggressor_side, taker.number))
        self._fill(_taker(event), event)
        maker = self._fill(_maker(event), event)
        if maker.left and not maker.shown:
            self._join(maker)

    def _auction_trade(self, event: Trade) -> None:
        self._auction = self._auction or []
        self._changes.append(Traded(self._sequence, event.price, event.quantity, "none", 0))
        for key in ((event.buyer_id, event.buy_order_id or 0), (event.seller_id, event.sell_order_id or 0)):
            order = self._fill(key, event)
            if order.on_book and order not in self._auction:
                self._auction.append(order)

    def _fill(self, key: Key, event: Trade) -> Order:
        order, shares = self._order(key), event.quantity
        if shares > order.left:
            raise FeedError(f"event {self._sequence} trades {shares} of an order with {order.left} left")
        order.left -= shares
        order.filled += shares
        if order.on_book:
            size = min(shares, order.shown)
            order.shown -= size
            self._changes.append(
                Executed(
                    self._sequence, order.number, order.buy, order.price, size, order.shown, shares - size, event.price
                )
            )
        if not order.left:
            order.on_book = False
            del self.orders[key]
        return order

    def _status(self, event: MarketStatus) -> None:
        self.session = event.session
        self._matching = event.session == "continuous" and event.halt is None
        if event.auction_quantity:
            self._changes.append(Crossed(self._sequence, event.auction_price or 0, event.auction_quantity))
        if self.halted != (event.halt is not None):
            self.halted = not self.halted
            self._changes.append(Halted(self._sequence, self.halted))
        if event.session == "closing_auction":
            parked = [order for order in self.orders.values() if order.parked]
            for order in sorted(parked, key=lambda order: order.place):
                if order.price:
                    self._join(order)
                order.parked = False


def _taker(event: Trade) -> Key:
    trader = event.buyer_id if event.aggressor_side == "buy" else event.seller_id
    return trader, event.taker_order_id or 0


def _maker(event: Trade) -> Key:
    trader = event.seller_id if event.aggressor_side == "buy" else event.buyer_id
    return trader, event.maker_order_id or 0
