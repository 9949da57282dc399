"""What the exchange and the platform say: one typed item a topic (`order-events` has several).

Prices and cash are integers of 1/10,000 dollar, times microseconds since the Unix epoch, UTC. `sequence` counts
`order-events`, `trades`, `market-status` and `corporate-actions` of one symbol together, from 1, without a gap.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from streaming.contracts.commands import ActionKind, SelfTradePrevention, Session

Side = Literal["buy", "sell"]
OrderType = Literal["limit", "market", "stop", "stop_limit"]
TimeInForce = Literal["day", "gtc", "gtd", "ioc", "fok", "at_the_open", "at_the_close"]
Reason = Literal[
    "unknown_symbol",
    "invalid_event_time",
    "duplicate_id",
    "invalid_side",
    "invalid_order_type",
    "invalid_time_in_force",
    "invalid_quantity",
    "quantity_too_large",
    "quantity_not_on_lot",
    "invalid_price",
    "price_not_on_tick",
    "invalid_stop_price",
    "stop_price_not_on_tick",
    "invalid_display_quantity",
    "invalid_expire_time",
    "invalid_post_only",
    "invalid_self_trade_prevention",
    "market_closed",
    "no_continuous_trading",
    "auction_over",
    "no_reference_price",
    "price_outside_collar",
    "notional_too_large",
    "would_cross",
    "unknown_order",
]
CancelReason = Literal[
    "requested", "unfilled_remainder", "price_outside_collar", "self_trade_prevention", "corporate_action"
]
ActionRefusal = Literal["market_open", "duplicate_action", "ex_date_passed", "invalid_terms", "no_last_price"]
AbuseKind = Literal[
    "spoofing",
    "layering",
    "wash_trading",
    "quote_stuffing",
    "momentum_ignition",
    "marking_the_close",
    "pump_and_dump",
]
Rule = Literal[AbuseKind, "price_move", "price_spike", "volume_surge", "stale_quotes"]


class Event(Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=True, gc=False):
    """Base of every event."""


class Accepted(Event, tag="accepted", frozen=True, kw_only=True):
    """An order that the book took in, as the book understood it."""

    sequence: int
    order_id: int
    trader_id: int
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    price: int | None = None
    stop_price: int | None = None
    display_quantity: int | None = None
    quantity: int
    expire_time: int | None = None
    post_only: bool = False
    self_trade_prevention: SelfTradePrevention | None = None
    event_time: int


class Rejected(Event, tag="rejected", frozen=True, kw_only=True):
    """A refused command. `sequence` is absent for a symbol that does not exist, `order_id` for a `cancel_all`."""

    sequence: int | None = None
    order_id: int | None = None
    trader_id: int
    symbol: str
    reason: Reason
    event_time: int


class Replaced(Event, tag="replaced", frozen=True, kw_only=True):
    """An order as it is now: `quantity` is its total, filled part included.

    With reason `price_band` nobody asked for it: the order was more aggressive than the price band allows, and was
    moved to it, behind the orders there.
    """

    sequence: int
    order_id: int
    trader_id: int
    symbol: str
    price: int | None = None
    stop_price: int | None = None
    quantity: int
    reason: Literal["price_band"] | None = None
    event_time: int


class Triggered(Event, tag="triggered", frozen=True, kw_only=True):
    """A stop order whose price has come: it goes on as a market or limit order."""

    sequence: int
    order_id: int
    trader_id: int
    symbol: str
    event_time: int


class Cancelled(Event, tag="cancelled", frozen=True, kw_only=True):
    """`quantity` is what was taken off; by self-trade prevention it may be a part of what was left."""

    sequence: int
    order_id: int
    trader_id: int
    symbol: str
    quantity: int
    reason: CancelReason
    event_time: int


class MassCancelled(Event, tag="mass_cancelled", frozen=True, kw_only=True):
    """The answer to `cancel_all`, after a `cancelled` for each order: `orders` is how many there were."""

    sequence: int
    trader_id: int
    symbol: str
    orders: int
    event_time: int


class Expired(Event, tag="expired", frozen=True, kw_only=True):
    """An order whose time in force is over; `quantity` is what was left of it."""

    sequence: int
    order_id: int
    trader_id: int
    symbol: str
    quantity: int
    event_time: int


class Trade(Event, tag="trade", frozen=True, kw_only=True):
    """One match. `trade_id` is `<symbol>-<sequence>`.

    In continuous trading it prints at the maker's price. A trade of an auction has no aggressor: it carries
    `buy_order_id` and `sell_order_id` instead of maker and taker.
    """

    sequence: int
    trade_id: str
    symbol: str
    price: int
    quantity: int
    maker_order_id: int | None = None
    taker_order_id: int | None = None
    buy_order_id: int | None = None
    sell_order_id: int | None = None
    buyer_id: int
    seller_id: int
    aggressor_side: Literal["buy", "sell", "none"]
    event_time: int


class MarketStatus(Event, tag="market_status", frozen=True, kw_only=True):
    """How a symbol trades from now on; published whenever any of it changes. What does not hold is absent.

    `reference_price`, `lower_price` and `upper_price` are the day's collar (both bounds allowed); the three
    `…band…` fields the price band of the Limit Up-Limit Down plan; `auction_price` and `auction_quantity` what the
    auction that just ended traded.
    """

    sequence: int
    symbol: str
    session: Session
    trading_date: str
    halt: Literal["halted", "paused"] | None = None
    limit_state: Literal["lower", "upper"] | None = None
    reference_price: int | None = None
    lower_price: int | None = None
    upper_price: int | None = None
    band_reference_price: int | None = None
    lower_band_price: int | None = None
    upper_band_price: int | None = None
    auction_price: int | None = None
    auction_quantity: int | None = None
    event_time: int


class CorporateAction(Event, tag="corporate_action", frozen=True, kw_only=True):
    """A split or a cash dividend: `effective` from now on, or `refused` with a reason, and then nothing changed.

    `numerator` shares became of each `denominator`, or `amount` is paid on each share. `close_price` is the last price
    before it, `adjusted_price` what that is worth afterwards, on the nearest tick.
    """

    sequence: int
    action_id: str
    symbol: str
    kind: ActionKind
    ex_date: str
    status: Literal["effective", "refused"]
    reason: ActionRefusal | None = None
    numerator: int | None = None
    denominator: int | None = None
    amount: int | None = None
    close_price: int | None = None
    adjusted_price: int | None = None
    event_time: int


class Price(Event, tag="price", frozen=True, kw_only=True):
    """Last price and best bid and ask after the event `last_sequence`; absent where there is none.

    Only what is shown counts in the quantities. While orders gather for an auction there is no best bid and ask, but
    `indicative_price` and `indicative_quantity`: what would trade if it ended now. `volume` counts the trading day's
    shares so far.
    """

    symbol: str
    last_sequence: int
    last_price: int | None = None
    bid_price: int | None = None
    bid_quantity: int | None = None
    ask_price: int | None = None
    ask_quantity: int | None = None
    indicative_price: int | None = None
    indicative_quantity: int | None = None
    volume: int
    event_time: int


class RestingOrder(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order on the book; `quantity` is what is left of it, `shown_quantity` the part of it that others see.

    `shown_quantity` is absent where all of it is shown.
    """

    order_id: int
    trader_id: int
    side: Side
    price: int
    quantity: int
    shown_quantity: int | None = None


class BookSnapshot(Event, tag="book_snapshot", frozen=True, kw_only=True):
    """The limit orders on the book (market by order) after the event `last_sequence`.

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

    `entry_id` is the trade id, `endowment-<trader>[-<symbol>]`, or `split-` or `dividend-<symbol>-<sequence>-<trader>`;
    `symbol` is absent where it was given cash at first.
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
    """Something unusual that a rule saw. `score` is the rule's measure, `threshold` what it is beyond.

    `trader_ids` and `order_ids` are the evidence (at most 50 orders, the earliest; none where the rule is about a price
    and not about an account), `begin` and `end` the time that the alert speaks of, `event_time` when it was seen.
    """

    alert_id: str
    rule: Rule
    symbol: str
    trader_ids: list[int]
    order_ids: list[int]
    begin: int
    end: int
    score: float
    threshold: float
    price: int | None = None
    event_time: int


class Episode(Event, tag="episode", frozen=True, kw_only=True):
    """A planted abuse, for scoring only: the detectors never read it.

    From `begin`, the market's time of its first order, to `end`, which is its `event_time` too. `intensity` goes from 0
    (faint) to 1 (blatant).
    """

    episode_id: str
    kind: AbuseKind
    symbol: str
    trader_ids: list[int]
    begin: int
    end: int
    intensity: float
    scenario: str
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


OrderEvent = Accepted | Rejected | Replaced | Triggered | Cancelled | MassCancelled | Expired
BookEvent = OrderEvent | Trade | MarketStatus | CorporateAction
