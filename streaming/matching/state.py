"""Everything that a market remembers, and how it tells what happens.

The functions of `matching`, `orders` and `sessions` work on a `State`; `market` is their front.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Any, Final

from streaming.contracts.commands import Session
from streaming.contracts.events import (
    BookEvent,
    Cancelled,
    CancelReason,
    Expired,
    MarketStatus,
    Reason,
    Rejected,
    Replaced,
    Trade,
)
from streaming.contracts.money import MAX_INT64
from streaming.matching.bands import NEVER, PriceBands
from streaming.matching.book import NOWHERE, ON_BOOK, STOP, Book, Order, Trader
from streaming.matching.rules import Rules

_cancelled: Final = Cancelled


class State:
    """A market's book, orders, session and timers. `rules` is None while the symbol is not known.

    Prices are 0, dates empty and times `NEVER` where there is none; `halt` is "", "halted" or "paused", `limit_state`
    "", "lower" or "upper". `guarded` tells whether prices must lie in a collar, `collared` whether there is one: both
    are set with the session. `controlled` is the time of the last control command; `high` and `low` are of the trades
    since stops were last looked for. `actions` names the corporate actions that took effect. `aside` holds what is
    parked or waits for an auction, by acceptance.
    """

    def __init__(self, symbol: str, bare: bool) -> None:
        self.symbol = symbol
        self.prefix = f"{symbol}-"
        self.bare = bare
        self.rules: Rules | None = Rules() if bare else None
        self.session: Session = "continuous" if bare else "closed"
        self.trading_date = ""
        self.halt = ""
        self.matching = bare
        self.now = 0
        self.controlled = 0
        self.sequence = 0
        self.reference = 0
        self.reference_date = ""
        self.guarded = False
        self.collared = False
        self.lower = 1
        self.upper = MAX_INT64
        self.last_price = 0
        self.volume = 0
        self.actions: list[str] = []
        self.high = 0
        self.low = 0
        self.bands: PriceBands | None = None
        self.band_reference = 0
        self.limit_state = ""
        self.limit_until = NEVER
        self.paused_until = NEVER
        self.doubled_from = NEVER
        self.book = Book()
        self.traders: dict[int, Trader] = {}
        self.aside: dict[int, Order] = {}
        self.buy_stops: list[tuple[int, int, Order]] = []
        self.sell_stops: list[tuple[int, int, Order]] = []
        self.expiries: list[tuple[int, int, Order]] = []
        self.events: list[BookEvent] = []

    def next(self) -> int:
        """The number of the event that is about to be told."""
        self.sequence += 1
        return self.sequence

    def due(self) -> int:
        """When the next timer fires."""
        due = self.limit_until
        if self.paused_until < due:
            due = self.paused_until
        if self.expiries and self.expiries[0][0] < due:
            due = self.expiries[0][0]
        if self.bands is not None and not self.bands.doubled and self.doubled_from < due:
            due = self.doubled_from
        return due

    # What becomes of orders

    def keep(self, order: Order) -> None:
        """Know an order that is not done."""
        order.owner.orders[order.order_id] = order
        order.kept = True
        if order.expire_time:
            insort(self.expiries, (order.expire_time, order.arrival, order))

    def forget(self, order: Order) -> None:
        """An order is done, and stands nowhere any more."""
        if not order.kept:  # it never stood anywhere
            return
        del order.owner.orders[order.order_id]
        order.kept = False
        if order.expire_time:
            _remove(self.expiries, order.expire_time, order.arrival)

    def withdraw(self, order: Order) -> None:
        """Take an order from wherever it stands, without forgetting it."""
        if order.where == ON_BOOK:
            self.book.side(order.buy).remove(order)
        elif order.where == STOP:
            if order.buy:
                _remove(self.buy_stops, order.stop_price, order.place)
            else:
                _remove(self.sell_stops, -order.stop_price, order.place)
        elif order.where != NOWHERE:
            del self.aside[order.arrival]
        order.where = NOWHERE

    def set_aside(self, order: Order, where: int) -> None:
        """Let an order wait, parked for the close or as a market order."""
        order.where = where
        self.aside[order.arrival] = order

    def trader(self, trader_id: Any) -> Trader:
        """What the market knows of a trader, perhaps nothing yet. Ids are `Any` as in `Order`."""
        found = self.traders.get(trader_id)
        if found is None:
            found = self.traders[trader_id] = Trader(trader_id)
        return found

    def order(self, trader_id: Any, order_id: Any) -> Order | None:
        """The order of that name, if it is not done."""
        found = self.traders.get(trader_id)
        return None if found is None else found.orders.get(order_id)

    def by_arrival(self) -> list[Order]:
        """Every order, oldest first."""
        orders = [order for trader in self.traders.values() for order in trader.orders.values()]
        return sorted(orders, key=lambda order: order.arrival)

    def waiting(self, where: int) -> list[Order]:
        """The orders that wait at `where`, by place."""
        return sorted([o for o in self.aside.values() if o.where == where], key=lambda order: order.place)

    # What is told

    def reject(self, order_id: Any, trader_id: Any, reason: Reason) -> None:
        """Refuse a command. It may name no order."""
        self.events.append(
            Rejected(
                sequence=self.next(),
                order_id=order_id,
                trader_id=trader_id,
                symbol=self.symbol,
                reason=reason,
                event_time=self.now,
            )
        )

    def cancel(self, order: Order, reason: CancelReason) -> None:
        """Take off all that is left of an order, wherever it stands."""
        self.tell_cancelled(order, order.left, reason)
        self.withdraw(order)
        self.forget(order)
        order.left = 0

    def tell_cancelled(self, order: Order, quantity: int, reason: CancelReason) -> None:
        """Tell that shares were taken off an order."""
        self.events.append(
            _cancelled(
                sequence=self.next(),
                order_id=order.order_id,
                trader_id=order.trader_id,
                symbol=self.symbol,
                quantity=quantity,
                reason=reason,
                event_time=self.now,
            )
        )

    def expire(self, order: Order) -> None:
        """Take off an order whose time in force is over."""
        self.events.append(
            Expired(
                sequence=self.next(),
                order_id=order.order_id,
                trader_id=order.trader_id,
                symbol=self.symbol,
                quantity=order.left,
                event_time=self.now,
            )
        )
        self.withdraw(order)
        self.forget(order)
        order.left = 0

    def tell_replaced(self, order: Order, *, by_band: bool = False) -> None:
        """Tell an order as it is now."""
        self.events.append(
            Replaced(
                sequence=self.next(),
                order_id=order.order_id,
                trader_id=order.trader_id,
                symbol=self.symbol,
                price=order.price or None,
                stop_price=order.stop_price or None,
                quantity=order.filled + order.left,
                reason="price_band" if by_band else None,
                event_time=self.now,
            )
        )

    def traded(self, price: int, quantity: int) -> None:
        """Remember a trade."""
        self.last_price = price
        self.volume += quantity
        if price > self.high:
            self.high = price
        if not self.low or price < self.low:
            self.low = price
        if self.bands is not None:
            self.bands.note(self.now, price)

    def tell_auction_trade(self, buy: Order, sell: Order, price: int, quantity: int) -> None:
        """A trade of an auction."""
        sequence = self.next()
        self.events.append(
            Trade(
                sequence=sequence,
                trade_id=self.prefix + str(sequence),
                symbol=self.symbol,
                price=price,
                quantity=quantity,
                buy_order_id=buy.order_id,
                sell_order_id=sell.order_id,
                buyer_id=buy.trader_id,
                seller_id=sell.trader_id,
                aggressor_side="none",
                event_time=self.now,
            )
        )

    def tell_status(self, auction_price: int = 0, auction_quantity: int = 0) -> None:
        """Tell how the symbol trades from now on."""
        bands, open_ = self.bands, self.session != "closed" and self.reference != 0
        collared = open_ and self.collared
        self.events.append(
            MarketStatus(
                sequence=self.next(),
                symbol=self.symbol,
                session=self.session,
                trading_date=self.trading_date,
                halt=self.halt or None,  # type: ignore[arg-type]  # one of the contract's words
                limit_state=self.limit_state or None,  # type: ignore[arg-type]
                reference_price=self.reference if open_ else None,
                lower_price=self.lower if collared else None,
                upper_price=self.upper if collared else None,
                band_reference_price=bands.reference if bands else None,
                lower_band_price=bands.lower if bands else None,
                upper_band_price=bands.upper if bands else None,
                auction_price=auction_price or None,
                auction_quantity=auction_quantity or None,
                event_time=self.now,
            )
        )


def _remove(entries: list[tuple[int, int, Order]], first: int, second: int) -> None:
    """Take the entry that begins with these two out of a sorted list."""
    index = bisect_left(entries, (first, second))  # sorts before the entry that it begins
    assert entries[index][:2] == (first, second)
    del entries[index]
