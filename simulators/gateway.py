"""The live traders of one side of the market: they hear prices over Kafka, decide, reserve, and send orders.

Buyers and sellers are services of this kind. A worker keeps the books of a shard of all traders, and on each trading
day acts for those whose role is its own: the traders swap sides every day. A day is begun only when every symbol's
trades of the days before have been heard, so that what was bought yesterday can be sold today.
"""

from __future__ import annotations

import signal
import time
from collections import defaultdict, deque
from threading import Event
from typing import Annotated

import structlog
import typer
from confluent_kafka import KafkaError, Message, Producer

from simulators.balances import await_balances
from simulators.broker import Broker
from simulators.calendar import TradingDay, trading_day
from simulators.desk import Desk
from simulators.fundamentals import day_path
from simulators.settings import SimulatorSettings, simulator_settings
from simulators.traders import Action, agenda, order_date, role
from streaming.contracts.codec import MINUTE, encode
from streaming.contracts.commands import CancelOrder, NewOrder
from streaming.contracts.events import Side
from streaming.contracts.kafka import producer_config
from streaming.contracts.provision import create_topics
from streaming.contracts.reference import Trader, instruments, traders
from streaming.contracts.settings import Settings, settings
from streaming.contracts.topics import ORDERS

POLL = 0.2
"""Seconds that the feed is waited for."""
REPORT_SECONDS = 10.0
MAX_ITEMS = 500
FLUSH_SECONDS = 10.0


class SendError(RuntimeError):
    """Kafka did not take an order: whether it has it can only be learnt by starting again."""


def shard(worker: int, workers: int) -> list[Trader]:
    """The simulated traders of one of `workers` workers; each role has as many in every shard, give or take one."""
    return [trader for trader in traders() if trader.kind == "simulated" and trader.trader_id // 2 % workers == worker]


class Gateway:
    """One worker of one side."""

    def __init__(self, settings: Settings, options: SimulatorSettings, side: Side, worker: int, workers: int) -> None:
        self.log = structlog.get_logger("buyers" if side == "buy" else "sellers", worker=worker)
        self._options = options
        self._side = side
        self._people = {trader.trader_id: trader for trader in shard(worker, workers)}
        self._crowd = sum(trader.kind == "simulated" for trader in traders())
        self._producer = Producer(producer_config(settings))
        self._failed: list[str] = []
        self._sent = 0
        self.desk = Desk(settings, await_balances(settings, self._people), f"traders-{side}-{worker}")
        self._day: TradingDay | None = None
        self._broker: Broker | None = None
        self._agenda: dict[str, deque[Action]] = {}
        self._paths: dict[str, list[int]] = {}

    def run(self, stop: Event) -> None:
        """Trade until `stop`; then take every open order off the book."""
        self.desk.catch_up()
        self.log.info("ready", traders=len(self._people), open_orders=len(self.desk.ledger.orders))
        reported = time.monotonic()
        while not stop.is_set():
            for heard in self.desk.feed.read(POLL):
                self.desk.hear(heard)
            self._turn()
            self._producer.poll(0)
            if self._failed:
                raise SendError(self._failed[0])
            if time.monotonic() - reported >= REPORT_SECONDS:
                self.log.info("sent", commands=self._sent, open_orders=len(self.desk.ledger.orders))
                reported, self._sent = time.monotonic(), 0
        self._leave()

    def _turn(self) -> None:
        """Let every trader act whose time has come."""
        self._begin_day()
        day, broker = self._day, self._broker
        if day is None or broker is None or str(day.date) != str(self.desk.date):
            return
        for symbol, actions in self._agenda.items():
            market = self.desk.markets.get(symbol)
            if market is None or not market.open or market.status.trading_date != str(day.date):
                continue
            commands: list[NewOrder | CancelOrder] = []
            while actions and actions[0].time <= market.now:
                action = actions.popleft()
                minute = min((market.now - day.open) // MINUTE, day.minutes - 1)
                commands += broker.act(action, market.view, self._path(symbol, day)[minute], market.now)
            self._send(symbol, commands, market.now)

    def _begin_day(self) -> None:
        desk = self.desk
        if desk.date is None or (self._day is not None and self._day.date == desk.date):
            return
        day = trading_day(desk.date)
        if any(desk.trades_until.get(item.symbol, 0) < day.open for item in instruments()):
            return
        desk.ledger.check()
        mine = [trader for trader in self._people.values() if role(trader.trader_id, day.date) == self._side]
        self._day = day
        self._broker = Broker(desk.ledger, mine, day.date)
        for trader in mine:
            self._broker.used(desk.last_ids.get(trader.trader_id, 0), trader.trader_id)
        self._paths.clear()
        self._agenda = self._plan(mine, day)
        self.log.info("day begun", trading_date=str(day.date), traders=len(mine))

    def _plan(self, mine: list[Trader], day: TradingDay) -> dict[str, deque[Action]]:
        """What is still to come of the day, by symbol."""
        options, symbols = self._options, [item.symbol for item in instruments()]
        planned: dict[str, list[Action]] = defaultdict(list)
        for trader in mine:
            for action in agenda(options.seed, trader, day, symbols, self._crowd, options.orders_per_day):
                market = self.desk.markets.get(action.symbol)
                if market is None or market.status.trading_date != str(day.date) or action.time > market.now:
                    planned[action.symbol].append(action)
        return {symbol: deque(sorted(actions)) for symbol, actions in planned.items()}

    def _path(self, symbol: str, day: TradingDay) -> list[int]:
        path = self._paths.get(symbol)
        if path is None:
            item = next(item for item in instruments() if item.symbol == symbol)
            reference = self.desk.markets[symbol].status.reference_price or item.initial_price
            path = self._paths[symbol] = day_path(self._options.seed, item, day.date, reference, day.minutes)
        return path

    def _send(self, symbol: str, commands: list[NewOrder | CancelOrder], now: int) -> None:
        for start in range(0, len(commands), MAX_ITEMS):
            part = commands[start : start + MAX_ITEMS]
            value = encode(ORDERS, symbol, part, now)
            self._producer.produce(ORDERS.name, key=symbol, value=value, on_delivery=self._delivered)
            self._sent += len(part)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failed.append(str(error))

    def _leave(self) -> None:
        cancels: dict[str, list[NewOrder | CancelOrder]] = defaultdict(list)
        for order in self.desk.ledger.orders.values():
            if role(order.trader_id, order_date(order.order_id)) == self._side:
                now = self.desk.markets[order.symbol].now
                cancel = CancelOrder(
                    order_id=order.order_id, trader_id=order.trader_id, symbol=order.symbol, event_time=now
                )
                cancels[order.symbol].append(cancel)
        for symbol, commands in cancels.items():
            self._send(symbol, commands, self.desk.markets[symbol].now)
        unsent = self._producer.flush(FLUSH_SECONDS)
        self.desk.feed.close()
        self.log.info("stopped", cancelled=sum(map(len, cancels.values())), unsent=unsent)


def serve(side: Side, worker: int, workers: int) -> None:
    """Run a worker until it is told to stop."""
    if not 0 <= worker < workers:
        raise typer.BadParameter(f"{worker} of {workers}: workers are numbered from 0", param_hint="--worker")
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    create_topics(settings())
    Gateway(settings(), simulator_settings(), side, worker, workers).run(stop)


Worker = Annotated[int, typer.Option(min=0, help="Which of the workers this is, from 0")]
Workers = Annotated[int, typer.Option(min=1, help="How many share the traders between them")]
