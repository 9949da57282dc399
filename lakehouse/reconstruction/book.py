"""A symbol's book rebuilt from the exchange's events: what stands, in which place, and each change that others see.

The stored market, the exports and the watch screen share it. Only what is shown is told: an iceberg order is its shown
part, and stop orders, parked orders and market orders that wait are not there. docs/rule-book.md says what each event
does. Nothing here reads a clock, a file or the network.
"""

from __future__ import annotations

from collections.abc import Iterable

from lakehouse.reconstruction.changes import Added, Change, Crossed, Executed, Halted, Reduced, Traded, Update
from lakehouse.reconstruction.orders import Key, Ladder, Level, Order
from streaming.contracts.events import (
    Accepted,
    BookEvent,
    Cancelled,
    Expired,
    MarketStatus,
    Replaced,
    RestingOrder,
    Trade,
    Triggered,
)

ENDS_AT_CLOSE = ("day", "at_the_open", "at_the_close")
"""The times in force of orders that a `closed` session ends."""


class Book:
    """Events in, in the order of their sequence; the book, and the changes of what is shown, out.

    An incoming order's rest stands on the book without an event of its own: that is known when an event comes that
    does not belong to its matching any more, or at `finish`.

    A `whole` book hears every event from the first. Any other begins with a snapshot (`load`), which does not tell all
    about each order. `doubt` is None while the book is exact, and else says why it may not be: the events contradict
    each other, or one is about an order of which too little is known. The next snapshot removes the doubt.
    """

    def __init__(self, *, whole: bool = True) -> None:
        self.whole = whole
        self.doubt: str | None = None
        self.orders: dict[Key, Order] = {}
        self.session = ""
        self.halted = False
        self._matching = True  # a market without reference data trades before any status
        self._parked_known = whole
        self._incoming: Order | None = None
        self._auction: list[Order] | None = None
        self._changes: list[Change] = []
        self._ladders = {True: Ladder(True), False: Ladder(False)}
        self._places = 0
        self._sequence = 0
        self._time = 0

    # What is known before the first event

    def load(self, resting: Iterable[RestingOrder]) -> bool:
        """Let the book be what a snapshot tells, told after the last event. Returns whether it was that already."""
        self.finish()
        before = [self.levels(True), self.levels(False)]
        old = {key: order for key, order in self.orders.items() if order.on_book}
        for key, order in old.items():
            self._stand_down(order)
            del self.orders[key]
        for told in resting:
            key = (told.trader_id, told.order_id)
            shown = told.quantity if told.shown_quantity is None else told.shown_quantity
            order = old.get(key) or self.orders.get(key)  # type: ignore[assignment]
            if order is None or order.left != told.quantity or order.price != told.price:
                order = Order(key, 0, told.side == "buy", told.price, 0, told.quantity, None, None, "")
            order.stop_price, order.parked = 0, False
            self.orders[key] = order
            self._stand(order, shown)
        self.doubt = None
        return before == [self.levels(True), self.levels(False)]

    def recall(self, orders: Iterable[Order]) -> None:
        """Orders of which more is known than a snapshot will tell, before it is loaded; `left` must be what it tells.

        Those that it does not tell wait, unseen.
        """
        self.orders.update((order.key, order) for order in orders)

    def resume(self, session: str, *, halted: bool) -> None:
        """How the market trades where the book begins with a snapshot."""
        self.session, self.halted = session, halted
        self._matching = session == "continuous" and not halted
        self._parked_known = self._parked_known or session == "closed"

    # Events

    def apply(self, event: BookEvent) -> list[Update]:
        """Take in an event; the updates that are complete now."""
        if event.sequence is None:  # a refusal from before there was such a symbol
            return []
        done = [] if self.continues(event) else self.finish()
        self._sequence, self._time = event.sequence, event.event_time
        self._take_in(event)
        if self._incoming is None and self._auction is None:
            done += self._told()
        return done

    def finish(self) -> list[Update]:
        """What an incoming order or an auction leaves, when nothing of theirs follows."""
        order, self._incoming = self._incoming, None
        if order is not None and order.left:
            if _rests(order):
                self._join(order)
            elif self.whole or self.session:  # else it may be that orders gather, and it waits
                self._wrong(f"order {order.key[1]} can neither stand nor is it cancelled after {self._sequence}")
        for order in self._auction or ():
            if order.left and not order.shown:
                self._show_again(order)
        self._auction = None
        return self._told()

    def continues(self, event: BookEvent) -> bool:
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

    # What stands

    @property
    def going_on(self) -> bool:
        """Whether an order is coming in or an auction is held: more of it may follow."""
        return self._incoming is not None or self._auction is not None

    def standing(self) -> list[Order]:
        """The orders on the book: bids first, each side in priority order."""
        standing = [order for order in self.orders.values() if order.on_book]
        standing.sort(key=lambda order: (not order.buy, -order.price if order.buy else order.price, order.place))
        return standing

    def shown(self) -> list[Added]:
        """What others see of the orders on the book, as if each were added now."""
        return [_added(order) for order in self.standing()]

    def levels(self, buy: bool, most: int | None = None) -> list[Level]:
        """The best `most` levels of a side (all without it), best first; an incoming order's rest is on it."""
        ladder, order = self._ladders[buy], self._incoming
        if order is None or order.buy != buy or not order.left or not _rests(order):
            return ladder.best(most)
        part = self._part(order)
        ladder.change(order.price, part, 1)
        try:
            return ladder.best(most)
        finally:
            ladder.change(order.price, -part, -1)

    @property
    def settled(self) -> bool:
        """Whether this is a state to show: an order that comes in is on its level before the trades that follow."""
        if self.session != "continuous" or self.halted:
            return True
        bids, asks = self.levels(True, 1), self.levels(False, 1)
        return not (bids and asks and bids[0].price >= asks[0].price)

    def overdue(self) -> int:
        """How many orders stand in a closed market that its close must have ended: their expiry is missing."""
        if self.session != "closed":
            return 0
        return sum(order.time_in_force in ENDS_AT_CLOSE for order in self.orders.values())

    # How it comes about

    def _told(self) -> list[Update]:
        if not self._changes:
            return []
        update = Update(self._time, self._changes)
        self._changes = []
        return [update]

    def _wrong(self, why: str) -> None:
        """The first doubt is the one to tell."""
        if self.doubt is None:
            self.doubt = why

    def _take_in(self, event: BookEvent) -> None:
        match event:
            case Accepted():
                self._accepted(event)
            case Replaced():
                self._replaced(event)
            case Triggered():
                self._triggered(event)
            case Cancelled() | Expired():
                self._take_off((event.trader_id, event.order_id), event.quantity)
            case Trade() if event.aggressor_side == "none":
                self._auction_trade(event)
            case Trade():
                self._trade(event)
            case MarketStatus():
                self._status(event)
            case _:  # rejections and sums change nothing
                pass

    def _missing(self, key: Key) -> None:
        """An order is not there: a contradiction, or it waited unseen since before what was read."""
        self._wrong(f"event {self._sequence} names order {key[1]} of trader {key[0]}, which is not there")

    def _accepted(self, event: Accepted) -> None:
        key = (event.trader_id, event.order_id)
        order = self.orders[key] = Order(
            key=key,
            number=event.sequence,
            buy=event.side == "buy",
            price=event.price or 0,
            stop_price=event.stop_price or 0,
            left=event.quantity,
            total=event.quantity,
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

    def _part(self, order: Order) -> int:
        """What an order shows when it comes new to the book."""
        if order.peak is not None:
            return min(order.peak, order.left) if order.peak else order.left
        if order.shown < order.left:  # else all of it was shown, and so it is again
            self._wrong(f"order {order.key[1]} shows its next part, of a size that was told before what was read")
        return order.shown or order.left

    def _join(self, order: Order, before: tuple[Added, ...] = ()) -> None:
        """An order is shown behind the others at its price, unless it stands `before` some."""
        shown = self._part(order)
        if order.on_book:
            self._stand_down(order)
        order.parked = False
        order.time, order.sequence = self._time, self._sequence
        self._stand(order, shown, keep=bool(before))
        self._changes.append(_added(order, before))

    def _show_again(self, order: Order) -> None:
        """An iceberg shows its next part where it stands."""
        behind = [
            _added(other)
            for other in self.standing()
            if other.buy == order.buy and other.price == order.price and other.shown and other.place > order.place
        ]
        self._join(order, tuple(behind))

    def _stand(self, order: Order, shown: int, *, keep: bool = False) -> None:
        if not keep:
            self._places += 1
            order.place = self._places
        order.on_book, order.shown = True, shown
        self._ladders[order.buy].change(order.price, shown, 1)

    def _stand_down(self, order: Order) -> None:
        self._ladders[order.buy].change(order.price, -order.shown, -1)
        order.on_book = False

    def _show(self, order: Order, shown: int) -> None:
        """Another part of an order that stands is shown."""
        self._ladders[order.buy].change(order.price, shown - order.shown, 0)
        order.shown = shown

    def _leave(self, order: Order, *, replaced: bool) -> None:
        """An order is shown no more."""
        if order.on_book:
            self._reduce(order, 0, replaced=replaced)
            self._stand_down(order)
        order.parked = False

    def _reduce(self, order: Order, shown: int, *, replaced: bool) -> None:
        size = order.shown - shown
        if size:
            self._changes.append(
                Reduced(self._sequence, order.number, order.buy, order.price, size, shown, replaced=replaced)
            )
        self._show(order, shown)

    def _take_off(self, key: Key, quantity: int) -> None:
        order = self.orders.get(key)
        if order is None:
            if self.whole:  # else it waited unseen: what stands is known
                self._missing(key)
            return
        if quantity > order.left:
            self._wrong(f"event {self._sequence} takes {quantity} off an order with {order.left} left")
            quantity = order.left
        if order.total is not None:
            order.total -= quantity
        self._shrink(order, order.left - quantity, replaced=False)

    def _shrink(self, order: Order, left: int, *, replaced: bool) -> None:
        """Less is left of an order, in its place."""
        order.left = left
        if order.on_book:
            self._reduce(order, min(order.shown, left), replaced=replaced)
        if not left:
            self._drop(order)

    def _drop(self, order: Order) -> None:
        """Nothing is left of an order."""
        if order.on_book:
            self._stand_down(order)
        del self.orders[order.key]

    def _replaced(self, event: Replaced) -> None:
        key = (event.trader_id, event.order_id)
        price, stop_price = event.price or 0, event.stop_price or 0
        order = self.orders.get(key)
        if order is None:
            if self.whole or (price and not stop_price):  # else it waits as before, unseen
                self._missing(key)
            return
        left = order.left
        if event.reason != "price_band":
            if order.total is None:
                self._wrong(f"order {key[1]} of trader {key[0]} was changed; how much of it had traded is not known")
                return
            left = event.quantity - (order.total - order.left)
        if left <= 0:
            self._wrong(f"event {self._sequence} leaves nothing of an order, and does not cancel it")
            return
        order.total = event.quantity
        if order is self._incoming:  # brought to the price band as it comes in
            order.price = price
        elif price == order.price and stop_price == order.stop_price and left <= order.left:
            self._shrink(order, left, replaced=True)
        else:
            shown = min(order.shown, left)
            self._leave(order, replaced=True)
            order.price, order.stop_price, order.left, order.shown = price, stop_price, left, shown
            if event.reason == "price_band":  # the book was not crossed: nothing can trade
                self._join(order)
            else:
                self._enter(order)

    def _triggered(self, event: Triggered) -> None:
        key = (event.trader_id, event.order_id)
        order = self.orders.get(key)
        if order is None:
            self._missing(key)
            return
        order.stop_price = 0
        self._incoming = order

    def _trade(self, event: Trade) -> None:
        taker, maker = self.orders.get(_taker(event)), self.orders.get(_maker(event))
        if taker is None or taker is not self._incoming:
            self._wrong(f"event {self._sequence} is a trade of an order that did not just come in")
        number = 0 if taker is None else taker.number
        self._changes.append(Traded(self._sequence, event.price, event.quantity, event.aggressor_side, number))
        if taker is not None:
            self._fill(taker, event)
        if maker is None or not maker.on_book:
            self._missing(_maker(event))
            return
        self._fill(maker, event)
        if maker.left and not maker.shown:
            self._join(maker)

    def _auction_trade(self, event: Trade) -> None:
        self._auction = self._auction or []
        self._changes.append(Traded(self._sequence, event.price, event.quantity, "none", 0))
        for key in ((event.buyer_id, event.buy_order_id or 0), (event.seller_id, event.sell_order_id or 0)):
            order = self.orders.get(key)
            if order is None:
                if self.whole:  # else a market order that waited unseen
                    self._missing(key)
                continue
            self._fill(order, event)
            if order.on_book and order not in self._auction:
                self._auction.append(order)

    def _fill(self, order: Order, event: Trade) -> None:
        shares = event.quantity
        if shares > order.left:
            self._wrong(f"event {self._sequence} trades {shares} of an order with {order.left} left")
            shares = order.left
        order.left -= shares
        if order.on_book:
            size = min(shares, order.shown)
            self._show(order, order.shown - size)
            self._changes.append(
                Executed(
                    self._sequence, order.number, order.buy, order.price, size, order.shown, shares - size, event.price
                )
            )
        if not order.left:
            self._drop(order)

    def _status(self, event: MarketStatus) -> None:
        before, self.session = self.session, event.session
        self._matching = event.session == "continuous" and event.halt is None
        if event.auction_quantity:
            self._changes.append(Crossed(self._sequence, event.auction_price or 0, event.auction_quantity))
        if self.halted != (event.halt is not None):
            self.halted = not self.halted
            self._changes.append(Halted(self._sequence, self.halted))
        if event.session == "closed":
            self._parked_known = True  # there are none, and those to come will be heard
        elif event.session == "closing_auction":
            if before != "closing_auction" and not self._parked_known:
                self._wrong("orders at the close join the book, and some may be older than what was read")
            parked = [order for order in self.orders.values() if order.parked]
            for order in sorted(parked, key=lambda order: order.place):
                if order.price:
                    self._join(order)
                order.parked = False


def _rests(order: Order) -> bool:
    """Whether what does not trade at once may stand on the book."""
    return order.price != 0 and order.time_in_force not in ("ioc", "fok")


def _added(order: Order, before: tuple[Added, ...] = ()) -> Added:
    return Added(order.sequence, order.time, order.number, order.buy, order.price, order.shown, before)


def _taker(event: Trade) -> Key:
    trader = event.buyer_id if event.aggressor_side == "buy" else event.seller_id
    return trader, event.taker_order_id or 0


def _maker(event: Trade) -> Key:
    trader = event.seller_id if event.aggressor_side == "buy" else event.buyer_id
    return trader, event.maker_order_id or 0
