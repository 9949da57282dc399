"""What the exchange and the platform say: one typed item a topic (`order-events` has several).

Prices and cash are integers of 1/10,000 dollar, times microseconds since the Unix epoch, UTC. `sequence` counts
`order-events`, `trades` and `market-status` of one symbol together, from 1, without a gap.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Side = Literal["buy", "sell"]
Reason = Literal[
    "unknown_symbol",
    "market_closed",
    "duplicate_id",
    "invalid_side",
    "invalid_order_type",
    "invalid_time_in_force",
    "invalid_quantity",
    "quantity_too_large",
    "quantity_not_on_lot",
    "invalid_price",
    "price_not_on_tick",
    "price_outside_collar",
    "no_reference_price",
    "unknown_order",
]
CancelReason = Literal["requested", "unfilled_remainder", "price_outside_collar"]


class Event(Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=True):
    """Base of every event."""


class Accepted(Event, tag="accepted", frozen=True, kw_only=True):
    """An order that the book took in, as the book understood it."""

    sequence: int
    order_id: int
    trader_id: int
    symbol: str
    side: Side
    order_type: Literal["limit", "market"]
    time_in_force: Literal["day", "gtc", "ioc"]
    price: int | None = None
    quantity: int
    event_time: int


class Rejected(Event, tag="rejected", frozen=True, kw_only=True):
    """A refused command. `sequence` is absent for a symbol that does not exist."""

    sequence: int | None = None
    order_id: int
    trader_id: int
    symbol: str
    reason: Reason
    event_time: int


class Cancelled(Event, tag="cancelled", frozen=True, kw_only=True):
    """`quantity` is what was taken off."""

    sequence: int
    order_id: int
    trader_id: int
    symbol: str
    quantity: int
    reason: CancelReason
    event_time: int


class Expired(Event, tag="expired", frozen=True, kw_only=True):
    """A day order that the close took off the book; `quantity` is what was left of it."""

    sequence: int
    order_id: int
    trader_id: int
    symbol: str
    quantity: int
    event_time: int


class Trade(Event, tag="trade", frozen=True, kw_only=True):
    """One match, at the maker's price. `trade_id` is `<symbol>-<sequence>`."""

    sequence: int
    trade_id: str
    symbol: str
    price: int
    quantity: int
    maker_order_id: int
    taker_order_id: int
    buyer_id: int
    seller_id: int
    aggressor_side: Side
    event_time: int


class MarketStatus(Event, tag="market_status", frozen=True, kw_only=True):
    """The session of a symbol and, while it is open, the day's reference price and collar (both bounds allowed)."""

    sequence: int
    symbol: str
    session: Literal["continuous", "closed"]
    trading_date: str
    reference_price: int | None = None
    lower_price: int | None = None
    upper_price: int | None = None
    event_time: int


class Price(Event, tag="price", frozen=True, kw_only=True):
    """Last price and best bid and ask after the event `last_sequence`; absent where there is none.

    `volume` counts the trading day's shares so far.
    """

    symbol: str
    last_sequence: int
    last_price: int | None = None
    bid_price: int | None = None
    bid_quantity: int | None = None
    ask_price: int | None = None
    ask_quantity: int | None = None
    volume: int
    event_time: int


class RestingOrder(Struct, frozen=True, kw_only=True):
    """An order on the book; `quantity` is what is left of it."""

    order_id: int
    trader_id: int
    side: Side
    price: int
    quantity: int


class BookSnapshot(Event, tag="book_snapshot", frozen=True, kw_only=True):
    """The whole book (market by order) after the event `last_sequence`.

    Bids first, each side in priority order. A large book is cut into `parts`, numbered from 1.
    """

    symbol: str
    last_sequence: int
    part: int
    parts: int
    orders: list[RestingOrder]
    event_time: int


class PortfolioUpdate(Event, tag="portfolio_update", frozen=True, kw_only=True):
    """One trader's balances after a journal entry. `sequence` counts per trader, from 1, without a gap.

    `entry_id` is the trade id, or `endowment-<trader>[-<symbol>]`; `symbol` is absent where only cash moved.
    `cash` and `position` are the balances after the entry.
    """

    sequence: int
    trader_id: int
    entry_id: str
    trade_id: str | None = None
    symbol: str | None = None
    cash_change: int
    quantity_change: int
    cash: int
    position: int
    event_time: int


class Alert(Event, tag="alert", frozen=True, kw_only=True):
    """Something unusual. `score` is the rule's measure (here: the robust z-score), beyond `threshold`."""

    alert_id: str
    rule: Literal["price_move"]
    symbol: str
    score: float
    threshold: float
    price: int
    event_time: int


class DeadLetter(Event, tag="dead_letter", frozen=True, kw_only=True):
    """A message, or one item of one, that could not be used; `payload` is the original bytes in base 64."""

    topic: str
    partition: int
    offset: int
    reason: Literal["malformed_message", "malformed_item", "symbol_mismatch", "key_mismatch"]
    detail: str
    payload: bytes
    event_time: int


OrderEvent = Accepted | Rejected | Cancelled | Expired
BookEvent = OrderEvent | Trade | MarketStatus
