"""What everybody may see of a symbol's book: its price levels, rebuilt from the events by docs/rule-book.md.

Nothing here reads Kafka or a clock. Prices are integers of 1/10,000 dollar, quantities whole shares.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nlargest, nsmallest

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

Name = tuple[int, int]
"""An order's: trader and order id."""


@dataclass(slots=True)
class Order:
    """An order that is not done. `left` counts the hidden part too, `shown` what others see of it while it stands.

    `filled` and `peak` (the display quantity; 0: all is shown) are None where they are not known: the order was
    accepted before what was read, and a snapshot tells neither.
    """

    buy: bool
    price: int | None
    stop_price: int | None
    left: int
    shown: int
    filled: int | None
    peak: int | None
    time_in_force: str
    stands: bool = False


@dataclass(frozen=True, slots=True)
class Level:
    """A price, the shares that are shown at it, and by how many orders."""

    price: int
    shown: int
    orders: int


class VisibleBook:
    """A symbol's ladder after the last event applied.

    `doubt` is None while it is exact, and else tells why it may not be: an event was about an order of which too
    little was ever read. The next snapshot removes the doubt. `whole` says that every event from the first was
    applied, so that no such order exists.
    """

    def __init__(self, whole: bool = False) -> None:
        self.whole = whole
        self.doubt: str | None = None
        self.session = ""
        self.matching = False
        self._orders: dict[Name, Order] = {}
        self._levels: dict[bool, dict[int, list[int]]] = {True: {}, False: {}}
        self._bare: list[Name] = []
        """Icebergs whose shown part an auction took: the next part is shown when it is over."""

    def levels(self, buy: bool, most: int | None = None) -> list[Level]:
        """The best `most` levels of a side (all without it), best first."""
        side = self._levels[buy]
        count = len(side) if most is None else most
        prices = nlargest(count, side) if buy else nsmallest(count, side)
        return [Level(price, *side[price]) for price in prices]

    @property
    def crossed(self) -> bool:
        """Whether the best bid could trade with the best ask."""
        bids, asks = self._levels[True], self._levels[False]
        return bool(bids and asks) and max(bids) >= min(asks)

    @property
    def settled(self) -> bool:
        """Whether this is a state to show: an order that comes in is on the ladder before the trades that follow."""
        return not (self.matching and self.crossed)

    def load(self, orders: Iterable[RestingOrder]) -> bool:
        """Let the book be what a snapshot tells. Returns whether it was that already."""
        before = [self.levels(True), self.levels(False)]
        old = {name: order for name, order in self._orders.items() if order.stands}
        for name, order in old.items():
            self._stand_down(order)
            del self._orders[name]
        for resting in orders:
            name = (resting.trader_id, resting.order_id)
            shown = resting.quantity if resting.shown_quantity is None else resting.shown_quantity
            known = old.get(name) or self._orders.get(name)
            if known is None or known.left != resting.quantity or known.price != resting.price:
                known = Order(resting.side == "buy", resting.price, None, 0, 0, None, None, "")
            known.left, known.shown = resting.quantity, shown
            self._orders[name] = known
            self._stand(known)
        self._bare.clear()
        self.doubt = None
        return before == [self.levels(True), self.levels(False)]

    def apply(self, event: BookEvent) -> None:
        """Carry out the next event of the symbol."""
        if self._bare and not (isinstance(event, Trade) and event.aggressor_side == "none"):
            self._show_next_parts()
        if isinstance(event, Accepted):
            self._accept(event)
        elif isinstance(event, Trade):
            self._trade(event)
        elif isinstance(event, Cancelled):
            self._take_off(event, event.quantity)
        elif isinstance(event, Expired):
            self._take_off(event, None)
        elif isinstance(event, Replaced):
            self._replace(event)
        elif isinstance(event, Triggered):
            self._trigger(event)
        elif isinstance(event, MarketStatus):
            self._new_status(event)

    def _accept(self, event: Accepted) -> None:
        order = Order(
            event.side == "buy",
            event.price,
            event.stop_price,
            event.quantity,
            0,
            0,
            event.display_quantity or 0,
            event.time_in_force,
        )
        self._orders[event.trader_id, event.order_id] = order
        self._enter(order)

    def _enter(self, order: Order) -> None:
        """Put an order on the ladder if it may stand there, behind no one: only quantities count here."""
        parked = order.time_in_force == "at_the_close" and self.session != "closing_auction"
        if order.price is None or order.stop_price is not None or parked or order.time_in_force in ("ioc", "fok"):
            return
        self._show(order)
        self._stand(order)

    def _show(self, order: Order) -> None:
        """Show as much as an order that comes new to a level does."""
        if order.peak is not None:
            order.shown = min(order.peak, order.left) if order.peak else order.left
        elif order.shown < order.left:  # else all of it was shown, and so it is again
            self._doubt("shows its next part, of a size that was told before what was read")

    def _trade(self, event: Trade) -> None:
        buyer, seller = event.buyer_id, event.seller_id
        if event.aggressor_side == "none":
            for trader, number in ((buyer, event.buy_order_id), (seller, event.sell_order_id)):
                self._fill_in_auction((trader, number or 0), event.quantity)
            return
        if event.aggressor_side == "sell":
            buyer, seller = seller, buyer  # now the taker and the maker
        self._fill((buyer, event.taker_order_id or 0), event.quantity, taker=True)
        self._fill((seller, event.maker_order_id or 0), event.quantity, taker=False)

    def _fill(self, name: Name, shares: int, *, taker: bool) -> None:
        order = self._orders.get(name)
        if order is None or not (order.stands or taker):
            if not taker:
                self._doubt("traded, but is not on the book that was read", name)
            return
        stands = order.stands
        self._stand_down(order)
        order.left -= shares
        order.shown = max(0, order.shown - shares)
        if order.filled is not None:
            order.filled += shares
        if order.left <= 0:
            del self._orders[name]
        elif stands:
            if taker or not order.shown:
                self._show(order)
            self._stand(order)

    def _fill_in_auction(self, name: Name, shares: int) -> None:
        order = self._orders.get(name)
        if order is None:  # a market order that waits from before what was read: it never is on the ladder
            return
        stands = order.stands
        self._stand_down(order)
        order.left -= shares
        order.shown = max(0, order.shown - shares)
        if order.filled is not None:
            order.filled += shares
        if order.left <= 0:
            del self._orders[name]
        elif stands:
            self._stand(order)
            if not order.shown:
                self._bare.append(name)

    def _show_next_parts(self) -> None:
        for name in self._bare:
            order = self._orders.get(name)
            if order is not None and order.stands and not order.shown:
                self._stand_down(order)
                self._show(order)
                self._stand(order)
        self._bare.clear()

    def _take_off(self, event: Cancelled | Expired, shares: int | None) -> None:
        name = (event.trader_id, event.order_id)
        order = self._orders.get(name)
        if order is None:  # it waited unseen since before what was read
            return
        if shares is None or shares >= order.left:
            self._stand_down(order)
            del self._orders[name]
        else:
            self._shrink(order, order.left - shares)

    def _shrink(self, order: Order, left: int) -> None:
        stands = order.stands
        self._stand_down(order)
        order.left, order.shown = left, min(order.shown, left)
        if stands:
            self._stand(order)

    def _replace(self, event: Replaced) -> None:
        name = (event.trader_id, event.order_id)
        order = self._orders.get(name)
        if order is None:
            if event.price is not None and event.stop_price is None:
                self._doubt("was changed, but is not on the book that was read", name)
            return
        if event.reason == "price_band":
            left, order.filled = order.left, event.quantity - order.left
        elif order.filled is None:
            self._doubt("was changed; how much of it had traded was told before what was read", name)
            return
        else:
            left = event.quantity - order.filled
        same = (event.price, event.stop_price) == (order.price, order.stop_price)
        if same and left <= order.left and event.reason is None:
            self._shrink(order, left)
            return
        self._stand_down(order)
        order.shown = min(order.shown, left)
        order.price, order.stop_price, order.left = event.price, event.stop_price, left
        self._enter(order)

    def _trigger(self, event: Triggered) -> None:
        name = (event.trader_id, event.order_id)
        order = self._orders.get(name)
        if order is None:
            self._doubt("was triggered, but its acceptance was told before what was read", name)
            return
        order.stop_price = None
        self._enter(order)

    def _new_status(self, event: MarketStatus) -> None:
        before, self.session = self.session, event.session
        self.matching = event.session == "continuous" and event.halt is None
        if event.session != "closing_auction":
            return
        if before != "closing_auction" and not self.whole:
            self._doubt("Orders at the close join the book; some may be older than what was read")
        for order in self._orders.values():
            if order.time_in_force == "at_the_close" and not order.stands:
                self._enter(order)

    def _stand(self, order: Order) -> None:
        assert order.price is not None
        level = self._levels[order.buy].setdefault(order.price, [0, 0])
        level[0] += order.shown
        level[1] += 1
        order.stands = True

    def _stand_down(self, order: Order) -> None:
        if not order.stands:
            return
        assert order.price is not None
        side = self._levels[order.buy]
        level = side[order.price]
        level[0] -= order.shown
        level[1] -= 1
        if not level[1]:
            del side[order.price]
        order.stands = False

    def _doubt(self, why: str, name: Name | None = None) -> None:
        """The first doubt is the one to tell."""
        if self.doubt is None:
            self.doubt = why if name is None else f"Order {name[1]} of trader {name[0]} {why}"
