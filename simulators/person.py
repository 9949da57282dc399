"""An order typed by a person: the same check as the simulated traders' orders pass, and the exchange's answer to it."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from confluent_kafka import Producer

from simulators.answers import Answer
from simulators.balances import read_balances
from simulators.desk import Desk, Market
from simulators.risk import Change, OpenOrder, RiskError
from simulators.ticket import Ticket
from simulators.traders import first_order_id
from streaming.contracts.codec import encode
from streaming.contracts.commands import CancelAll, CancelOrder, ReplaceOrder, TraderCommand
from streaming.contracts.events import Side
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
CLOCKS_MS = 600_000
"""Milliseconds by which the clocks of those who write to Kafka may differ."""


class RefusedError(Exception):
    """The broker does not send the order; the text tells the trader why."""


class NoAnswerError(Exception):
    """The engine has not answered in time: the order may still be carried out."""


class Teller:
    """Takes the orders of one person, one at a time."""

    def __init__(self, desk: Desk, producer: Producer, trader_id: int) -> None:
        """`desk` is one that has caught up."""
        self._trader = trader_id
        self._desk = desk
        self._producer = producer

    def new(self, ticket: Ticket) -> Answer:
        """Send an order.

        RefusedError where the market is closed, or the trader does not have what it may cost; NoAnswerError.
        """
        market, ledger, desk = self._open_market(ticket.symbol), self._desk.ledger, self._desk
        refusal = ticket.refusal()
        if refusal:
            raise RefusedError(refusal)
        unit_price, side = ticket.unit_price(market.view.upper), ticket.side
        assert desk.date is not None
        order_id = desk.last_ids.get(self._trader, first_order_id(self._trader, desk.date)) + 1
        order = OpenOrder(
            order_id,
            self._trader,
            ticket.symbol,
            side,
            unit_price,
            ticket.quantity,
            market.now,
            limited=ticket.limit is not None,
        )
        try:
            ledger.reserve(order)
        except RiskError:
            raise RefusedError(self._shortage(ticket.symbol, side, order.need())) from None
        desk.last_ids[self._trader] = order_id
        return self._ask(ticket.command(order_id, self._trader, market.status.trading_date, market.now))

    def replace(
        self, symbol: str, order_id: int, total: int | None = None, limit: int | None = None, stop: int | None = None
    ) -> Answer:
        """Change an open order: its total (what has traded already counts), its limit, its stop price.

        RefusedError where it is not open, or the trader does not have what it may cost then; NoAnswerError.
        """
        market, ledger = self._open_market(symbol), self._desk.ledger
        order = ledger.orders.get(order_id)
        if order is None or order.symbol != symbol:
            raise RefusedError(f"there is no open order {order_id} of trader {self._trader} in {symbol}")
        if total is None:
            total = order.left + order.filled
        change = Change(total, limit)
        try:
            ledger.reserve_change(order, change)
        except RiskError:
            raise RefusedError(self._shortage(symbol, order.side, order.need(change), order.promised)) from None
        command = ReplaceOrder(
            order_id=order_id,
            trader_id=self._trader,
            symbol=symbol,
            price=limit,
            stop_price=stop,
            quantity=total,
            event_time=market.now,
        )
        return self._ask(command)

    def cancel(self, symbol: str, order_id: int) -> Answer:
        """Take what is left of an order off the book; NoAnswerError."""
        market, order = self._market(symbol), self._desk.ledger.orders.get(order_id)
        if order is not None and order.symbol == symbol:
            self._desk.ledger.ask(order, None)
        return self._ask(CancelOrder(order_id=order_id, trader_id=self._trader, symbol=symbol, event_time=market.now))

    def cancel_all(self, symbol: str) -> Answer:
        """Take all that is left of the trader's orders in a symbol off the book; NoAnswerError."""
        market = self._market(symbol)
        return self._ask(CancelAll(trader_id=self._trader, symbol=symbol, event_time=market.now))

    @property
    def idle(self) -> bool:
        """Whether nothing of the trader's is open."""
        return not self._desk.ledger.orders

    def _market(self, symbol: str) -> Market:
        market = self._desk.markets.get(symbol)
        if market is None:
            known = ", ".join(sorted(self._desk.markets)) or "none yet: no trading day has been opened"
            raise RefusedError(f"the exchange does not trade {symbol}; it trades: {known}")
        return market

    def _open_market(self, symbol: str) -> Market:
        market = self._market(symbol)
        if not market.open:
            raise RefusedError(f"{symbol} is closed; its last trading day was {market.status.trading_date}")
        return market

    def _shortage(self, symbol: str, side: Side, need: int, promised: int = 0) -> str:
        """In words: an order needs more than is free, and than what is `promised` to it already."""
        account = self._desk.ledger.accounts[self._trader]
        if side == "sell":
            free = account.free_shares(symbol) + promised
            return f"not enough shares: {free:,} {symbol} are free, {need:,} are to be sold"
        cost, cash = to_decimal(need), to_decimal(account.free_cash() + promised)
        return f"not enough cash: the order may cost ${cost:,.2f}, ${cash:,.2f} is free"

    def _ask(self, command: TraderCommand) -> Answer:
        value = encode(ORDERS, command.symbol, [command], command.event_time)
        self._producer.produce(ORDERS.name, key=command.symbol, value=value)
        if self._producer.flush(SEND_SECONDS):
            raise NoAnswerError(f"Kafka has not taken the order within {SEND_SECONDS:.0f} s")
        answer = Answer(command)
        deadline, answered = time.monotonic() + PATIENCE, None
        while answered is None or time.monotonic() < answered + SETTLE_SECONDS:
            for heard in self._desk.feed.read(0.1):
                self._desk.hear(heard)
                for item in heard.said.items:
                    if answer.take(item) and answered is None:
                        answered = time.monotonic()
            if answered is None and time.monotonic() > deadline:
                raise NoAnswerError(
                    f"the engine has not answered within {PATIENCE:.0f} s; it may still carry the order out "
                    "(is it running? tickhouse status)"
                )
        order = self._desk.ledger.orders.get(answer.order_id or 0)
        answer.open = order.left if order else 0
        return answer


@contextmanager
def teller(settings: Settings, trader_id: int) -> Iterator[Teller]:
    """A teller; a second process waits for the first, so that both cannot promise the same cash.

    RefusedError where `trader_id` is no person's; psycopg.Error, KafkaException where the stack is not up.
    """
    people = [trader.trader_id for trader in traders() if trader.kind == "person"]
    if trader_id not in people:
        raise RefusedError(f"trader {trader_id} is not a person's account; these are: {people}")
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / f"trader-{trader_id}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        memory = Memory(settings.home / f"trader-{trader_id}.json")
        began = time.time_ns() // 1_000_000
        balances = read_balances(settings, [trader_id])
        desk = Desk(settings, balances, f"person-{trader_id}", memory.open_since())
        try:
            desk.catch_up()
            found = Teller(desk, Producer(producer_config(settings)), trader_id)
            yield found
            if found.idle:
                memory.keep(began - CLOCKS_MS)
        finally:
            desk.feed.close()


class Memory:
    """Since when orders of a person may be open: it only saves reading what is long over."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open_since(self) -> int:
        """In milliseconds since the Unix epoch; 0 where it is not known."""
        with suppress(OSError, msgspec.DecodeError):
            return msgspec.json.decode(self._path.read_bytes(), type=int)
        return 0

    def keep(self, open_since: int) -> None:
        """Nothing sent before is open."""
        partial = self._path.with_suffix(".partial")
        partial.write_bytes(msgspec.json.encode(max(open_since, 0)))
        partial.replace(self._path)
