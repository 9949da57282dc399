"""Continuous trading: an incoming order meets the book; stop orders are elected."""

from __future__ import annotations

from copy import copy

from streaming.contracts.events import Cancelled, Replaced, Triggered
from streaming.contracts.money import MAX_INT64
from tests.reference.book import Book
from tests.reference.order import Order, priority


class Matching(Book):
    """A book that matches."""

    band: tuple[int, int] | None = None

    def furthest(self, order: Order) -> int:
        """The worst price at which the order may trade: its limit or the collar, and never beyond the band."""
        lowest, highest = [0], [MAX_INT64]
        if order.price is not None:
            lowest.append(order.price)
            highest.append(order.price)
        elif self.collar:
            lowest.append(self.collar[0])
            highest.append(self.collar[1])
        if self.band:
            lowest.append(self.band[0])
            highest.append(self.band[1])
        return min(highest) if order.side == "buy" else max(lowest)

    def reaches(self, order: Order, maker: Order) -> bool:
        furthest = self.furthest(order)
        return maker.limit() <= furthest if order.side == "buy" else maker.limit() >= furthest

    def could_trade(self, order: Order) -> bool:
        """Whether it would trade at once, were it to come now."""
        makers = self.other_side(order)
        return self.matches and bool(makers) and self.reaches(order, makers[0])

    def match(self, order: Order) -> None:
        """A limit or market order that has just come, or whose stop price has: it trades, and stands or ends."""
        order.where = "coming"
        if order.time_in_force not in ("ioc", "fok"):
            self.move_into_band(order)
        if order.time_in_force == "fok" and self.at_once(order) < order.left:
            self.cancel(order, "unfilled_remainder")
            return
        while order.left:
            makers = self.other_side(order)
            if not makers or not self.reaches(order, makers[0]):
                break
            if makers[0].trader_id == order.trader_id and order.prevents_self_trades:
                self.prevent_self_trade(order, makers[0])
                if order.where == "gone":
                    return
            else:
                self.trade_with(order, makers[0])
        if not order.left:
            self.remove(order)
        elif order.price is None or order.time_in_force in ("ioc", "fok"):
            self.cancel(order, "unfilled_remainder")
        else:
            self.put(order, "book")

    def trade_with(self, order: Order, maker: Order) -> None:
        """At the maker's price, as much as the maker shows; then it may show more, behind the others."""
        shares = min(order.left, maker.shown)
        buy, sell = (order, maker) if order.side == "buy" else (maker, order)
        roles = {"maker_order_id": maker.order_id, "taker_order_id": order.order_id, "aggressor_side": order.side}
        self.trade(buy, sell, maker.limit(), shares, **roles)
        maker.shown -= shares
        if maker.left and not maker.shown:
            self.put(maker, "book")

    def prevent_self_trade(self, order: Order, maker: Order) -> None:
        """The incoming order's mode decides; `gone` is an incoming order that was cancelled."""
        reason = "self_trade_prevention"
        mode = order.self_trade_prevention
        if mode == "decrement_and_cancel":
            shares = min(order.left, maker.left)
            for one in (maker, order):
                self.emit(Cancelled, **one.name, quantity=shares, reason=reason)
                one.total -= shares
                one.show_no_more()
            if not maker.left:
                self.remove(maker)
            return
        if mode in ("cancel_oldest", "cancel_both"):
            self.cancel(maker, reason)
        if mode in ("cancel_newest", "cancel_both"):
            self.cancel(order, reason)
            order.where = "gone"

    def at_once(self, order: Order) -> int:
        """The shares that the order would get at once: it is tried on copies of the other side's orders."""
        makers = [copy(maker) for maker in self.other_side(order)]
        last_place, count = self.places, 0
        while makers and count < order.left:
            makers.sort(key=priority)
            maker = makers[0]
            if not self.reaches(order, maker):
                break
            if maker.trader_id == order.trader_id and order.prevents_self_trades:
                if order.self_trade_prevention != "cancel_oldest":
                    break
                makers.remove(maker)
                continue
            count += maker.shown
            maker.filled += maker.shown
            if maker.left:
                last_place += 1
                maker.place = last_place
                maker.show_anew()
            else:
                makers.remove(maker)
        return count

    def move_into_band(self, order: Order) -> bool:
        """Give an order that is more aggressive than the price band the band's price."""
        if self.band is None or order.price is None:
            return False
        lower, upper = self.band
        price = min(order.price, upper) if order.side == "buy" else max(order.price, lower)
        if price == order.price:
            return False
        order.price = price
        self.emit(Replaced, **order.name, price=price, quantity=order.total, reason="price_band")
        return True

    def wait_for_stop(self, order: Order) -> None:
        """A stop order waits, or is triggered at once where the last trade's price has reached it already."""
        self.put(order, "stop")
        assert order.stop_price is not None
        if self.matches and self.last_price is not None:
            sign = 1 if order.side == "buy" else -1
            if sign * self.last_price >= sign * order.stop_price:
                self.trigger(order)

    def trigger(self, order: Order) -> None:
        self.remove(order)
        order.stop_price = None
        self.emit(Triggered, **order.name)
        self.match(order)

    def elect_stops(self) -> None:
        """One at a time; the trades of one may elect the next."""
        while elected := self.elected():
            self.trigger(elected[0])
        self.traded = []

    def elected(self) -> list[Order]:
        if not self.traded:
            return []
        stops = [(order.stop_price or 0, order) for order in self.at("stop")]
        buys = [(stop, order) for stop, order in stops if order.side == "buy" and stop <= max(self.traded)]
        sells = [(stop, order) for stop, order in stops if order.side == "sell" and stop >= min(self.traded)]
        buys.sort(key=lambda pair: (pair[0], pair[1].place))
        sells.sort(key=lambda pair: (-pair[0], pair[1].place))
        return [order for _, order in buys + sells]
