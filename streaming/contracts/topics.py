"""Every topic: its key, its item type, and who writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streaming.contracts import commands, events


@dataclass(frozen=True)
class Topic:
    """A Kafka topic. `item` is the type of the objects in `items`; `key` names the envelope's field that is the key."""

    name: str
    key: str
    item: Any
    writer: str


ORDERS = Topic("orders", "symbol", commands.AnyCommand, "simulators")
ORDER_EVENTS = Topic("order-events", "symbol", events.OrderEvent, "matching")
TRADES = Topic("trades", "symbol", events.Trade, "matching")
PRICES = Topic("prices", "symbol", events.Price, "matching")
BOOK_SNAPSHOTS = Topic("book-snapshots", "symbol", events.BookSnapshot, "matching")
MARKET_STATUS = Topic("market-status", "symbol", events.MarketStatus, "matching")
CORPORATE_ACTIONS = Topic("corporate-actions", "symbol", events.CorporateAction, "matching")
PORTFOLIO_UPDATES = Topic("portfolio-updates", "trader_id", events.PortfolioUpdate, "settlement")
ALERTS = Topic("alerts", "symbol", events.Alert, "flink")
GROUND_TRUTH = Topic("ground-truth", "symbol", events.Episode, "simulators")
DEAD_LETTERS = Topic("dead-letters", "topic", events.DeadLetter, "every consumer")

TOPICS = (
    ORDERS,
    ORDER_EVENTS,
    TRADES,
    PRICES,
    BOOK_SNAPSHOTS,
    MARKET_STATUS,
    CORPORATE_ACTIONS,
    PORTFOLIO_UPDATES,
    ALERTS,
    GROUND_TRUTH,
    DEAD_LETTERS,
)
