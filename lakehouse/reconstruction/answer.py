"""A book as it stood: what the reconstruction answers.

Prices are integers of 1/10,000 dollar, quantities whole shares, times microseconds since the Unix epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby, islice

from msgspec import Struct

from lakehouse.reconstruction.orders import Order
from streaming.contracts.events import Side


class PlacedOrder(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order on the book. `quantity` is what is left of it, `shown_quantity` what others see.

    `ahead` counts the shown shares that trade before its own at its price.
    """

    order_id: int
    trader_id: int
    side: Side
    price: int
    quantity: int
    shown_quantity: int
    ahead: int


class PriceLevel(Struct, frozen=True, kw_only=True):
    """A price of one side: the shares that others see there, those hidden behind them, and how many orders."""

    price: int
    shown: int
    hidden: int
    orders: int


@dataclass(frozen=True)
class StoredBook:
    """A symbol's book after the event `sequence`, which happened at `event_time`.

    `session` and `halted` say how the market traded. `orders` are bids first, each side in priority order.
    `base_sequence` is of the stored book that this one was made of by `events` events; 0 where it was made of all.
    """

    symbol: str
    sequence: int
    event_time: int
    session: str
    halted: bool
    orders: list[PlacedOrder]
    base_sequence: int
    events: int

    def levels(self, side: Side, most: int | None = None) -> list[PriceLevel]:
        """The best `most` prices of a side (all without it), best first."""
        return price_levels(self.orders, side, most)


def placed(orders: Iterable[Order]) -> list[PlacedOrder]:
    """Orders in priority order, each with what stands before it."""
    found = []
    at, ahead = None, 0
    for order in orders:
        if at != (order.buy, order.price):
            at, ahead = (order.buy, order.price), 0
        trader_id, order_id = order.key
        found.append(
            PlacedOrder(
                order_id=order_id,
                trader_id=trader_id,
                side="buy" if order.buy else "sell",
                price=order.price,
                quantity=order.left,
                shown_quantity=order.shown,
                ahead=ahead,
            )
        )
        ahead += order.shown
    return found


def price_levels(orders: Iterable[PlacedOrder], side: Side, most: int | None = None) -> list[PriceLevel]:
    """The best `most` prices of a side (all without it) of orders in priority order, best first."""
    mine = (order for order in orders if order.side == side)
    by_price = groupby(mine, key=lambda order: order.price)
    return [_level(price, found) for price, found in islice(by_price, most)]


def _level(price: int, orders: Iterable[PlacedOrder]) -> PriceLevel:
    found = list(orders)
    shown = sum(order.shown_quantity for order in found)
    hidden = sum(order.quantity for order in found) - shown
    return PriceLevel(price=price, shown=shown, hidden=hidden, orders=len(found))
