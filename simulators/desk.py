"""A broker's desk: what its traders have, what they have on order, and how the market stands, all learnt from Kafka.

At the start the balances come from the books (PostgreSQL) together with the offsets of the trades that are already in
them; the orders of the day are read back from `orders`, and what became of them from `order-events` and `trades`. So
a desk that was killed knows again what it has promised.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from confluent_kafka import TopicPartition

from simulators.balances import Balances
from simulators.feed import Feed, Heard
from simulators.risk import Ledger, OpenOrder
from simulators.traders import View, order_date
from streaming.contracts.codec import MINUTE
from streaming.contracts.commands import NewOrder
from streaming.contracts.events import Accepted, Cancelled, Expired, MarketStatus, Price, Rejected, Side, Trade
from streaming.contracts.reference import instruments
from streaming.contracts.settings import Settings
from streaming.contracts.topics import MARKET_STATUS, ORDER_EVENTS, ORDERS, PRICES, TRADES


@dataclass(slots=True)
class Market:
    """How one symbol stands: its session, the latest market time heard, and what traders see of it."""

    status: MarketStatus
    now: int
    view: View

    @property
    def open(self) -> bool:
        """Whether orders are taken."""
        return self.status.session == "continuous"


class Desk:
    """The desk of some traders. Give it everything that the feed hears."""

    def __init__(self, settings: Settings, balances: Balances, group: str) -> None:
        accounts, self._settled = balances
        self.feed = Feed(settings, group)
        self.traders = frozenset(accounts)
        self.date: dt.date | None = None
        self.markets: dict[str, Market] = {}
        self.last_ids: dict[int, int] = {}
        self.trades_until: dict[str, int] = {}
        """The market time up to which each symbol's trades have been heard."""
        self._ticks = {item.symbol: item.tick_size for item in instruments()}
        self.ledger = Ledger(accounts)

    def catch_up(self) -> None:
        """Learn everything up to now, and read on from there.

        What the desk itself sends is not read back afterwards: it is reserved for when it is sent.
        """
        feed = self.feed
        opened: dict[str, int] = {}
        statuses = feed.end(MARKET_STATUS)
        for heard in feed.read_to_end(feed.begin(MARKET_STATUS)):
            self.hear(heard)
            for status in heard.said.items:
                if isinstance(status, MarketStatus) and status.session == "continuous":
                    date = status.trading_date
                    opened[date] = min(opened.get(date, heard.timestamp), heard.timestamp)
        # Where no market is open the day's orders are gone, and nothing is promised.
        day_start = opened[str(self.date)] if any(market.open for market in self.markets.values()) else None
        for heard in feed.read_to_end(feed.end(ORDERS) if day_start is None else feed.since(ORDERS, day_start)):
            self._remember(heard)
        starts = feed.tail(PRICES) + statuses
        for topic in (ORDER_EVENTS, TRADES):
            starts += feed.end(topic) if day_start is None else feed.since(topic, day_start)
        feed.assign(self._with_unsettled(starts))
        while not feed.caught_up:
            for heard in feed.read(1.0):
                self.hear(heard)

    def hear(self, heard: Heard) -> None:
        """Take in a message."""
        symbol, now = heard.said.symbol, heard.said.event_time
        market = self.markets.get(symbol)
        if heard.topic == TRADES.name:
            self.trades_until[symbol] = max(now, self.trades_until.get(symbol, 0))
            settled = heard.offset < self._settled.get(heard.partition, 0)
            for trade in heard.said.items:
                if isinstance(trade, Trade):
                    self.ledger.fill(trade)
                    if not settled:
                        # Partitions are read side by side: a purchase may be heard before the sale that paid for it.
                        self.ledger.post(trade, check=False)
        for item in heard.said.items:
            if isinstance(item, Accepted | Rejected | Cancelled | Expired):
                if item.trader_id in self.traders:
                    self.ledger.apply(item)
            elif isinstance(item, MarketStatus):
                self._status(item)
            elif isinstance(item, Price) and market is not None:
                market.view.see(item.last_price, item.bid_price, item.ask_price)
        if heard.topic == PRICES.name and market is not None and now > market.now:
            market.view.minute_over(now // MINUTE - market.now // MINUTE)
            market.now = now

    def _status(self, status: MarketStatus) -> None:
        date = dt.date.fromisoformat(status.trading_date)
        if self.date is None or date > self.date:
            self.date = date
        reference, lower, upper = status.reference_price, status.lower_price, status.upper_price
        last = self.markets.get(status.symbol)
        if last is not None and status.sequence <= last.status.sequence:
            return  # heard before
        if reference is None or lower is None or upper is None:
            if last is not None:
                last.status, last.now = status, max(last.now, status.event_time)
            return
        tick = self._ticks.get(status.symbol, 1)
        view = View(tick, lower, upper, reference, float(reference))
        self.markets[status.symbol] = Market(status, status.event_time, view)

    def _remember(self, heard: Heard) -> None:
        """An order that the exchange was sent: what it may cost is promised until the answers are heard."""
        for order in heard.said.items:
            if not isinstance(order, NewOrder) or order.trader_id not in self.traders:
                continue
            if order_date(order.order_id) != self.date or order.order_id in self.ledger.orders:
                continue
            self.last_ids[order.trader_id] = max(order.order_id, self.last_ids.get(order.trader_id, 0))
            upper = self.markets[order.symbol].view.upper
            side: Side = "buy" if order.side == "buy" else "sell"
            price = order.price or upper
            self.ledger.restore(
                OpenOrder(order.order_id, order.trader_id, order.symbol, side, price, order.quantity, order.event_time)
            )

    def _with_unsettled(self, starts: list[TopicPartition]) -> list[TopicPartition]:
        """The trades that the books don't have are read, however old they are."""
        for start in starts:
            if start.topic == TRADES.name:
                start.offset = min(start.offset, self._settled.get(start.partition, 0))
        return starts
