"""What is sent to the exchange, on topic `orders`.

Fields that a trader may get wrong (side, type, price, quantity) are plain here: the engine answers them with a
rejection and a reason code. What is not even of this form goes to `dead-letters`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from streaming.contracts.money import MAX_INT64

Id = Annotated[int, Meta(ge=1, le=MAX_INT64)]
Micros = Annotated[int, Meta(ge=0, le=4_102_444_800_000_000)]
"""Microseconds since the Unix epoch, UTC; up to the year 2100."""
Symbol = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9.]{0,11}$")]
Session = Literal["continuous", "closed"]


class Command(Struct, frozen=True, kw_only=True, tag_field="command", forbid_unknown_fields=True, omit_defaults=True):
    """Base of every command."""


class NewOrder(Command, tag="new", frozen=True, kw_only=True):
    """Buy or sell `quantity` shares. `price` is absent on a market order."""

    order_id: Id
    trader_id: Id
    symbol: Symbol
    side: str
    order_type: str
    time_in_force: str = "gtc"
    price: int | None = None
    quantity: int
    event_time: Micros


class CancelOrder(Command, tag="cancel", frozen=True, kw_only=True):
    """Take what is left of an order off the book."""

    order_id: Id
    trader_id: Id
    symbol: Symbol
    event_time: Micros


class DefineInstrument(Command, tag="instrument", frozen=True, kw_only=True):
    """Make a symbol known, or change its rules.

    `tick_size` is in 1/10,000 dollar, `collar_bps` the widest distance of a price from the day's reference price.
    """

    symbol: Symbol
    tick_size: Annotated[int, Meta(ge=1, le=10**9)]
    lot_size: Annotated[int, Meta(ge=1, le=10**6)]
    max_quantity: Annotated[int, Meta(ge=1, le=10**9)]
    collar_bps: Annotated[int, Meta(ge=1, le=9_999)]
    event_time: Micros


class SetSession(Command, tag="session", frozen=True, kw_only=True):
    """Open or close trading. Without `reference_price` the last trade's price is the day's reference."""

    symbol: Symbol
    session: Session
    trading_date: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    reference_price: Annotated[int, Meta(ge=1, le=10**13)] | None = None
    event_time: Micros


class Clock(Command, tag="clock", frozen=True, kw_only=True):
    """Time passes: moves the engine's time where nobody trades."""

    symbol: Symbol
    event_time: Micros


AnyCommand = NewOrder | CancelOrder | DefineInstrument | SetSession | Clock
