"""An order as the reference market keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

SECOND = 1_000_000
MINUTE = 60 * SECOND


@dataclass(eq=False)
class Order:
    """What was sent, and how far it has come; `price` and `stop_price` are those it has now.

    `where`: it stands on the `book`, waits for an auction as a `market` order, waits as a `stop` order, is `parked`
    for the closing auction, or is `coming`: it matches just now.
    """

    order_id: int
    trader_id: int
    side: str
    order_type: str
    time_in_force: str
    price: int | None
    stop_price: int | None
    display_quantity: int | None
    total: int
    expire_time: int | None
    post_only: bool
    self_trade_prevention: str | None
    acceptance: int
    where: str = "coming"
    place: int = 0
    filled: int = 0
    shown: int = 0

    @property
    def left(self) -> int:
        return self.total - self.filled

    @property
    def name(self) -> dict[str, int]:
        return {"order_id": self.order_id, "trader_id": self.trader_id}

    @property
    def prevents_self_trades(self) -> bool:
        return self.self_trade_prevention not in (None, "none")

    def limit(self) -> int:
        """The price of an order that stands on the book: it has one."""
        assert self.price is not None
        return self.price

    def show_anew(self) -> None:
        self.shown = self.left if self.display_quantity is None else min(self.display_quantity, self.left)

    def show_no_more(self) -> None:
        """After some of it was taken away: it shows no more than before and no more than is left."""
        self.shown = min(self.shown, self.left)


def priority(order: Order) -> tuple[int, int]:
    """What orders of one side are sorted by."""
    return (-order.limit() if order.side == "buy" else order.limit(), order.place)


def nearest(price: int | Fraction, tick: int) -> int:
    """The nearest tick, the upper of two equally near."""
    return int((2 * price + tick) // (2 * tick)) * tick
