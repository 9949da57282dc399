"""What a person writes on an order ticket: which order that is, and what it may cost."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from streaming.contracts.commands import NewOrder
from streaming.contracts.events import OrderType, Side

EXCHANGE_TIME = ZoneInfo("America/New_York")
LASTING = frozenset({"gtc", "gtd"})
"""Times in force of orders that may stay for days."""


@dataclass(frozen=True)
class Ticket:
    """An order as a person wants it. Prices in 1/10,000 dollar.

    `expire` is a moment, or a time of the trading day; without a zone it is the exchange's.
    """

    symbol: str
    side: Side
    quantity: int
    limit: int | None = None
    stop: int | None = None
    display: int | None = None
    time_in_force: str = "day"
    expire: dt.datetime | dt.time | None = None
    post_only: bool = False
    self_trade_prevention: str | None = None

    @property
    def order_type(self) -> OrderType:
        """The type that limit and stop price make of it."""
        if self.stop is not None:
            return "stop" if self.limit is None else "stop_limit"
        return "market" if self.limit is None else "limit"

    def refusal(self) -> str | None:
        """Why a broker cannot send it, whatever the trader has; None where it can."""
        if self.quantity <= 0 or (self.limit is not None and self.limit <= 0):
            return "quantity and price have to be above zero"
        if self.side == "buy" and self.limit is None and self.time_in_force in LASTING:
            return (
                f"without a limit it cannot be {self.time_in_force}: what a share may cost on another day is not "
                "known today. Give it a limit, or let it be for the day"
            )
        return None

    def unit_price(self, upper: int) -> int:
        """What a share costs at most; `upper` is the dearest price of the day."""
        return upper if self.limit is None else self.limit

    def expire_time(self, date: str) -> int | None:
        """Microseconds since the Unix epoch; `date` is the trading day."""
        moment = self.expire
        if moment is None:
            return None
        if isinstance(moment, dt.time):
            moment = dt.datetime.combine(dt.date.fromisoformat(date), moment)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=EXCHANGE_TIME)
        return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)

    def command(self, order_id: int, trader_id: int, date: str, now: int) -> NewOrder:
        """What is sent to the exchange."""
        return NewOrder(
            order_id=order_id,
            trader_id=trader_id,
            symbol=self.symbol,
            side=self.side,
            order_type=self.order_type,
            time_in_force=self.time_in_force,
            price=self.limit,
            stop_price=self.stop,
            display_quantity=self.display,
            quantity=self.quantity,
            expire_time=self.expire_time(date),
            post_only=self.post_only,
            self_trade_prevention=self.self_trade_prevention,
            event_time=now,
        )
