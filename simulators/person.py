"""An order typed by a person: the same check as the simulated traders' orders pass, and the engine's answer to it."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from confluent_kafka import Producer

from simulators.balances import read_balances
from simulators.desk import Desk, Market
from simulators.risk import OpenOrder
from simulators.traders import first_order_id
from streaming.contracts.codec import encode
from streaming.contracts.commands import CancelOrder, NewOrder
from streaming.contracts.events import Accepted, Cancelled, Rejected, Side, Trade
from streaming.contracts.kafka import producer_config
from streaming.contracts.money import to_decimal
from streaming.contracts.reference import traders
from streaming.contracts.settings import Settings
from streaming.contracts.topics import ORDERS

PATIENCE = 20.0
"""Seconds to wait for the engine."""
SEND_SECONDS = 15.0
SETTLE_SECONDS = 0.7
"""The engine commits all its answers to an order at once; the topics may be heard this much apart."""


class RefusedError(Exception):
    """The broker does not send the order; the text tells the trader why."""


class NoAnswerError(Exception):
    """The engine has not answered in time: the order may still be carried out."""


@dataclass
class Answer:
    """What became of an order. `rejected` is the reason code; `open` what is left on the book."""

    order_id: int
    symbol: str
    accepted: Accepted | None = None
    rejected: str | None = None
    trades: list[Trade] = field(default_factory=list)
    cancelled: int = 0

    @property
    def traded(self) -> int:
        """Shares that were traded."""
        return sum(trade.quantity for trade in self.trades)

    @property
    def open(self) -> int:
        """Shares that wait on the book."""
        return self.accepted.quantity - self.traded - self.cancelled if self.accepted else 0


class Teller:
    """Takes the orders of one person, one at a time."""

    def __init__(self, settings: Settings, trader_id: int) -> None:
        """RefusedError where `trader_id` is no person's; psycopg.Error, KafkaException where the stack is not up."""
        people = [trader.trader_id for trader in traders() if trader.kind == "person"]
        if trader_id not in people:
            raise RefusedError(f"trader {trader_id} is not a person's account; these are: {people}")
        self._trader = trader_id
        self._desk = Desk(settings, read_balances(settings, [trader_id]), f"person-{trader_id}")
        self._desk.catch_up()
        self._producer = Producer(producer_config(settings))

    def close(self) -> None:
        """Leave Kafka."""
        self._desk.feed.close()

    def new(self, symbol: str, side: Side, quantity: int, limit: int | None) -> Answer:
        """Order `quantity` shares, at `limit` (1/10,000 dollar) or at the market, for the day.

        RefusedError where the market is closed, or the trader does not have what it may cost; NoAnswerError.
        """
        market, ledger = self._market(symbol), self._desk.ledger
        if not market.open:
            raise RefusedError(f"{symbol} is closed; its last trading day was {market.status.trading_date}")
        unit_price = limit or market.view.upper
        if quantity <= 0 or unit_price <= 0:
            raise RefusedError("quantity and price have to be above zero")
        if quantity > ledger.affordable(self._trader, symbol, side, unit_price):
            raise RefusedError(self._shortage(symbol, side, quantity, unit_price))
        assert self._desk.date is not None
        highest = self._desk.last_ids.get(self._trader, first_order_id(self._trader, self._desk.date))
        order_id = self._desk.last_ids[self._trader] = highest + 1
        ledger.reserve(OpenOrder(order_id, self._trader, symbol, side, unit_price, quantity, market.now))
        order = NewOrder(
            order_id=order_id,
            trader_id=self._trader,
            symbol=symbol,
            side=side,
            order_type="market" if limit is None else "limit",
            time_in_force="day",
            price=limit,
            quantity=quantity,
            event_time=market.now,
        )
        return self._ask(order)

    def cancel(self, symbol: str, order_id: int) -> Answer:
        """Take what is left of an order off the book; NoAnswerError."""
        market = self._market(symbol)
        return self._ask(CancelOrder(order_id=order_id, trader_id=self._trader, symbol=symbol, event_time=market.now))

    def _market(self, symbol: str) -> Market:
        market = self._desk.markets.get(symbol)
        if market is None:
            known = ", ".join(sorted(self._desk.markets)) or "none yet: no trading day has been opened"
            raise RefusedError(f"the exchange does not trade {symbol}; it trades: {known}")
        return market

    def _shortage(self, symbol: str, side: Side, quantity: int, unit_price: int) -> str:
        account = self._desk.ledger.accounts[self._trader]
        if side == "sell":
            return f"not enough shares: {account.free_shares(symbol):,} {symbol} are free, {quantity:,} are to be sold"
        need, free = to_decimal(quantity * unit_price), to_decimal(account.free_cash())
        return f"not enough cash: the order may cost ${need:,.2f}, ${free:,.2f} is free"

    def _ask(self, command: NewOrder | CancelOrder) -> Answer:
        value = encode(ORDERS, command.symbol, [command], command.event_time)
        self._producer.produce(ORDERS.name, key=command.symbol, value=value)
        if self._producer.flush(SEND_SECONDS):
            raise NoAnswerError(f"Kafka has not taken the order within {SEND_SECONDS:.0f} s")
        answer = Answer(command.order_id, command.symbol)
        deadline, answered = time.monotonic() + PATIENCE, None
        while answered is None or time.monotonic() < answered + SETTLE_SECONDS:
            for heard in self._desk.feed.read(0.1):
                self._desk.hear(heard)
                for item in heard.said.items:
                    if _take(answer, item) and answered is None:
                        answered = time.monotonic()
            if answered is None and time.monotonic() > deadline:
                raise NoAnswerError(
                    f"the engine has not answered order {command.order_id} within {PATIENCE:.0f} s; it may still "
                    "carry it out (is it running? tickhouse status)"
                )
        return answer


def _take(answer: Answer, item: object) -> bool:
    """Note what `item` says of the order; whether it is the engine's answer."""
    if isinstance(item, Trade):
        mine = item.symbol == answer.symbol and answer.order_id in (item.maker_order_id, item.taker_order_id)
        if mine:
            answer.trades.append(item)
        return False
    if not isinstance(item, Accepted | Rejected | Cancelled) or item.order_id != answer.order_id:
        return False
    if isinstance(item, Accepted):
        answer.accepted = item
    elif isinstance(item, Rejected):
        answer.rejected = item.reason
    else:
        answer.cancelled += item.quantity
    return True


@contextmanager
def teller(settings: Settings, trader_id: int) -> Iterator[Teller]:
    """A teller; a second process waits for the first, so that both cannot promise the same cash."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / f"trader-{trader_id}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = Teller(settings, trader_id)
        try:
            yield found
        finally:
            found.close()
