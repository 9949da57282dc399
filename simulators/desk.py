"""A broker's desk: what its traders have, what they have on order, and how the market stands, all learnt from Kafka.

At the start the balances come from the books (PostgreSQL) together with the offsets of the trades that are already in
them; the orders are read back from `orders`, and what became of them from `order-events` and `trades`. So a desk that
was killed knows again what it has promised. The simulated traders order for the day alone, so the day's orders are
all; where orders may stay longer, the desk is told how far back to look.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import TopicPartition

from simulators.balances import Balances
from simulators.corporate import Splits, note
from simulators.feed import Feed, Heard
from simulators.risk import Change, Ledger, OpenOrder
from simulators.traders import View, order_date
from streaming.contracts.codec import MINUTE
from streaming.contracts.commands import CancelOrder, NewOrder, ReplaceOrder
from streaming.contracts.events import (
    Accepted,
    Cancelled,
    CorporateAction,
    Expired,
    MarketStatus,
    Price,
    Rejected,
    Replaced,
    Side,
    Trade,
)
from streaming.contracts.reference import instruments
from streaming.contracts.settings import Settings
from streaming.contracts.topics import CORPORATE_ACTIONS, MARKET_STATUS, ORDER_EVENTS, ORDERS, PRICES, TRADES


@dataclass(slots=True)
class Market:
    """How one symbol stands: its session, the latest market time heard, and what traders see of it on day `date`."""

    status: MarketStatus
    now: int
    date: str
    view: View

    @property
    def open(self) -> bool:
        """Whether orders are taken: also while they only gather, for an auction or in a halt."""
        return self.status.session != "closed"


class Desk:
    """The desk of some traders. Give it everything that the feed hears.

    `mine` tells of a trader and a date whether this desk acted for him then: what others sent they may yet change.
    `open_since`: the time (Kafka's, in milliseconds) before which nothing was sent that may still be open; without
    it, orders of earlier days are gone.
    """

    def __init__(
        self,
        settings: Settings,
        balances: Balances,
        group: str,
        open_since: int | None = None,
        mine: Callable[[int, dt.date], bool] = lambda _trader, _date: True,
    ) -> None:
        accounts, self._settled = balances
        self.feed = Feed(settings, group)
        self._open_since = open_since
        self._mine = mine
        self.traders = frozenset(accounts)
        self.date: dt.date | None = None
        self.markets: dict[str, Market] = {}
        self.last_ids: dict[int, int] = {}
        self.trades_until: dict[str, int] = {}
        """The market time up to which each symbol's trades have been heard."""
        self.splits: Splits = {}
        """What all splits so far have made of a share."""
        self._acted: dict[str, int] = {}
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
                if isinstance(status, MarketStatus) and status.session != "closed":
                    date = status.trading_date
                    opened[date] = min(opened.get(date, heard.timestamp), heard.timestamp)
        for heard in feed.read_to_end(feed.begin(CORPORATE_ACTIONS)):
            self.hear(heard)
        # Where no market is open the day's orders are gone, and nothing is promised.
        days = [opened[market.status.trading_date] for market in self.markets.values() if market.open]
        if self._open_since is not None:
            days.append(self._open_since)
        start = min(days, default=None)
        for heard in feed.read_to_end(feed.end(ORDERS) if start is None else feed.since(ORDERS, start)):
            self._remember(heard)
        starts = feed.tail(PRICES) + statuses
        for topic in (ORDER_EVENTS, TRADES):
            starts += feed.end(topic) if start is None else feed.since(topic, start)
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
            for action in heard.said.actions:
                self.ledger.act(action, given=settled)
                self._note(action)
            self.ledger.trades_heard(symbol, now)
        for item in heard.said.items:
            if isinstance(item, Accepted | Rejected | Replaced | Cancelled | Expired):
                if item.trader_id in self.traders:
                    self.ledger.apply(item)
            elif isinstance(item, MarketStatus):
                self._status(item)
            elif isinstance(item, CorporateAction):
                self._note(item)
            elif isinstance(item, Price) and market is not None:
                market.view.see(item)
        if heard.topic == PRICES.name and market is not None and now > market.now:
            market.view.minute_over(now // MINUTE - market.now // MINUTE)
            market.now = now

    def _note(self, action: CorporateAction) -> None:
        if action.sequence > self._acted.get(action.symbol, 0):  # it comes on two topics
            self._acted[action.symbol] = action.sequence
            note(self.splits, action)

    def _status(self, status: MarketStatus) -> None:
        date = dt.date.fromisoformat(status.trading_date)
        if self.date is None or date > self.date:
            self.date = date
        reference, lower, upper = status.reference_price, status.lower_price, status.upper_price
        market = self.markets.get(status.symbol)
        if market is not None:
            if status.sequence <= market.status.sequence:
                return  # heard before
            market.status, market.now = status, max(market.now, status.event_time)
        if reference is None or lower is None or upper is None:
            return
        self.ledger.apply(status)
        if market is not None and market.date == status.trading_date:
            market.view.lower, market.view.upper = lower, upper
            return
        tick = self._ticks.get(status.symbol, 1)
        view = View(tick, lower, upper, reference, float(reference))
        now = status.event_time if market is None else market.now
        self.markets[status.symbol] = Market(status, now, status.trading_date, view)

    def _remember(self, heard: Heard) -> None:
        """What the exchange was sent: what it may cost is promised until the answers are heard."""
        for order in heard.said.items:
            if isinstance(order, ReplaceOrder | CancelOrder):
                known = self.ledger.orders.get(order.order_id)
                if known is not None and (known.trader_id, known.symbol) == (order.trader_id, order.symbol):
                    change = Change(order.quantity, order.price) if isinstance(order, ReplaceOrder) else None
                    self.ledger.ask(known, change)
                continue
            if not isinstance(order, NewOrder) or order.trader_id not in self.traders:
                continue
            date = order_date(order.order_id)
            today = date == self.date
            if not self._mine(order.trader_id, date):
                continue
            if order.order_id in self.ledger.orders or not (today or self._open_since is not None):
                continue
            if today:
                self.last_ids[order.trader_id] = max(order.order_id, self.last_ids.get(order.trader_id, 0))
            self.ledger.restore(self._open_order(order))

    def _open_order(self, order: NewOrder) -> OpenOrder:
        side: Side = "buy" if order.side == "buy" else "sell"
        market = self.markets.get(order.symbol)  # none: nobody can buy there
        limit = order.price or (market.view.upper if market else 0)
        limited = order.price is not None
        return OpenOrder(
            order.order_id, order.trader_id, order.symbol, side, limit, order.quantity, order.event_time, limited
        )

    def _with_unsettled(self, starts: list[TopicPartition]) -> list[TopicPartition]:
        """The trades that the books don't have are read, however old they are."""
        for start in starts:
            if start.topic == TRADES.name:
                start.offset = min(start.offset, self._settled.get(start.partition, 0))
        return starts
