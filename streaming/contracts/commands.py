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
TradingDate = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Session = Literal["pre_open", "opening_auction", "continuous", "closing_auction", "closed"]
ActionKind = Literal["split", "cash_dividend"]
ActionId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Ratio = Annotated[int, Meta(ge=1, le=1_000)]
SelfTradePrevention = Literal["none", "cancel_newest", "cancel_oldest", "cancel_both", "decrement_and_cancel"]


class Command(
    Struct,
    frozen=True,
    kw_only=True,
    tag_field="command",
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,
):
    """Base of every command."""


class NewOrder(Command, tag="new", frozen=True, kw_only=True):
    """Buy or sell `quantity` shares; docs/rule-book.md says which fields go together.

    `price` is the limit, `stop_price` what a stop order waits for, `display_quantity` the part of an iceberg order
    that is shown, `expire_time` when a `gtd` order ends. Without `self_trade_prevention` the trader's default holds.
    """

    order_id: Id
    trader_id: Id
    symbol: Symbol
    side: str
    order_type: str
    time_in_force: str = "gtc"
    price: int | None = None
    stop_price: int | None = None
    display_quantity: int | None = None
    quantity: int
    expire_time: int | None = None
    post_only: bool = False
    self_trade_prevention: str | None = None
    event_time: Micros


class CancelOrder(Command, tag="cancel", frozen=True, kw_only=True):
    """Take what is left of an order off the book."""

    order_id: Id
    trader_id: Id
    symbol: Symbol
    event_time: Micros


class ReplaceOrder(Command, tag="replace", frozen=True, kw_only=True):
    """Change an order. `quantity` is the new total, filled part included; an absent price stays as it is."""

    order_id: Id
    trader_id: Id
    symbol: Symbol
    price: int | None = None
    stop_price: int | None = None
    quantity: int
    event_time: Micros


class CancelAll(Command, tag="cancel_all", frozen=True, kw_only=True):
    """Take all that is left of a trader's orders in a symbol off the book."""

    trader_id: Id
    symbol: Symbol
    event_time: Micros


class DefineTrader(Command, tag="trader", frozen=True, kw_only=True):
    """What holds for a trader's orders in a symbol that do not say otherwise."""

    trader_id: Id
    symbol: Symbol
    self_trade_prevention: SelfTradePrevention
    event_time: Micros


class DefineInstrument(Command, tag="instrument", frozen=True, kw_only=True):
    """Make a symbol known, or change its rules.

    `tick_size` is in 1/10,000 dollar, `collar_bps` the widest distance of a price from the day's reference price,
    `max_notional` the greatest price times quantity. With `luld_tier` the price bands of the Limit Up-Limit Down plan
    hold; its parameters have the plan's values unless they are given.
    """

    symbol: Symbol
    tick_size: Annotated[int, Meta(ge=1, le=10**9)]
    lot_size: Annotated[int, Meta(ge=1, le=10**6)]
    max_quantity: Annotated[int, Meta(ge=1, le=10**9)]
    max_notional: Annotated[int, Meta(ge=1, le=MAX_INT64)] | None = None
    collar_bps: Annotated[int, Meta(ge=1, le=9_999)]
    luld_tier: Literal[1, 2] | None = None
    luld_bps: Annotated[int, Meta(ge=1, le=9_999)] | None = None
    limit_state_seconds: Annotated[int, Meta(ge=1, le=3_600)] = 15
    pause_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 300
    event_time: Micros


class SetSession(Command, tag="session", frozen=True, kw_only=True):
    """Begin a session of the trading day.

    Without `reference_price` the one of the day stays, or on a new day the last trade's price is taken. `close_time`
    tells when continuous trading is due to end: the price bands are doubled in the 25 minutes before.
    """

    symbol: Symbol
    session: Session
    trading_date: TradingDate
    reference_price: Annotated[int, Meta(ge=1, le=10**13)] | None = None
    close_time: Micros | None = None
    event_time: Micros


class Halt(Command, tag="halt", frozen=True, kw_only=True):
    """Stop matching by hand: orders gather until `resume`."""

    symbol: Symbol
    event_time: Micros


class Resume(Command, tag="resume", frozen=True, kw_only=True):
    """End a halt or pause with an auction."""

    symbol: Symbol
    event_time: Micros


class Clock(Command, tag="clock", frozen=True, kw_only=True):
    """Time passes: moves the engine's time where nobody trades."""

    symbol: Symbol
    event_time: Micros


class DeclareAction(Command, tag="corporate_action", frozen=True, kw_only=True):
    """What the issuer does to its shares: while the market is closed, before the session of the `ex_date`.

    A `split` makes `numerator` shares of each `denominator`; a `cash_dividend` pays `amount` on each share, in 1/10,000
    dollar. `action_id` is the operator's name for it, never used twice in a symbol.
    """

    action_id: ActionId
    symbol: Symbol
    kind: ActionKind
    ex_date: TradingDate
    numerator: Ratio | None = None
    denominator: Ratio | None = None
    amount: Annotated[int, Meta(ge=1, le=10**13)] | None = None
    event_time: Micros


TraderCommand = NewOrder | CancelOrder | ReplaceOrder | CancelAll
"""What traders send; each is answered."""
ControlCommand = DefineTrader | DefineInstrument | SetSession | Halt | Resume | Clock | DeclareAction
"""What the market's operator sends."""
AnyCommand = TraderCommand | ControlCommand
