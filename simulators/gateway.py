"""The live traders of one side of the market: they hear prices over Kafka, decide, reserve, and send orders.

Buyers and sellers are services of this kind. A worker keeps the books of a shard of all traders, and on each trading
day acts for those whose side is its own: most traders swap sides every day (`Roster.service`). A day is begun only when
every symbol's trades of the days before have been heard, so that what was bought yesterday can be sold today.
"""

from __future__ import annotations

import datetime as dt
import signal
import time
from collections import defaultdict, deque
from threading import Event
from typing import Annotated

import numpy as np
import structlog
import typer
from confluent_kafka import KafkaError, Message, Producer

from simulators.agenda import GATHERING, Step, parents, turns
from simulators.balances import await_balances
from simulators.broker import Broker, Command
from simulators.calendar import TradingDay, trading_day
from simulators.corporate import since_splits
from simulators.desk import Desk
from simulators.fundamentals import day_path
from simulators.population import load_population
from simulators.roster import Roster
from simulators.runs import sized
from simulators.scenario import load_scenario
from simulators.settings import SimulatorSettings, simulator_settings
from simulators.traders import Turn, order_date
from streaming.contracts.codec import MINUTE, encode
from streaming.contracts.commands import CancelOrder
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
        self._roster = Roster(
            sized(load_population(options.population), options.orders_per_day),
            [trader for trader in traders() if trader.kind == "simulated"],
            load_scenario(options.scenario),
        )
        self._producer = Producer(producer_config(settings))
        self._failed: list[str] = []
        self._sent = 0
        balances = await_balances(settings, self._people)
        self.desk = Desk(settings, balances, f"traders-{side}-{worker}", mine=self._acts)
        self._day: TradingDay | None = None
        self._broker: Broker | None = None
        self._agenda: dict[str, deque[Turn | Step]] = {}
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

    def _acts(self, trader: int, date: dt.date) -> bool:
        """Whether a trader of this shard was, or is, this service's on a day."""
        return self._roster.service(trader, date) == self._side

    def _turn(self) -> None:
        """Let every trader act whose time has come."""
        self._begin_day()
        day, broker = self._day, self._broker
        if day is None or broker is None or str(day.date) != str(self.desk.date):
            return
        waited: dict[str, list[Command]] = defaultdict(list)
        now = min(market.now for market in self.desk.markets.values())
        for _, order in broker.lapse(now):
            waited[order.symbol].append(broker.withdraw(order, self.desk.markets[order.symbol].now))
        for symbol, planned in self._agenda.items():
            market = self.desk.markets.get(symbol)
            if market is None or not market.open or market.status.trading_date != str(day.date):
                continue
            commands = waited[symbol]
            minute = max(0, min((market.now - day.open) // MINUTE, day.minutes - 1))
            while planned and planned[0].time <= market.now:
                what = planned.popleft()
                if isinstance(what, Turn):
                    commands += broker.turn(what, market.view, self._path(symbol, day)[minute], market.now)
                else:
                    commands += broker.step(what, market.view, market.now)
            self._send(symbol, commands, market.now)

    def _begin_day(self) -> None:
        desk = self.desk
        if desk.date is None or (self._day is not None and self._day.date == desk.date):
            return
        day = trading_day(desk.date)
        if any(desk.trades_until.get(item.symbol, 0) < day.open - GATHERING * MINUTE for item in instruments()):
            return
        desk.ledger.check()
        mine = [trader for trader in self._people if self._acts(trader, day.date)]
        self._day = day
        self._broker = Broker(desk.ledger, self._roster, mine, day.date, desk.splits)
        for trader in mine:
            self._broker.used(desk.last_ids.get(trader, 0), trader)
        self._paths.clear()
        self._agenda = self._plan(mine, day)
        self.log.info("day begun", trading_date=str(day.date), traders=len(mine))

    def _plan(self, mine: list[int], day: TradingDay) -> dict[str, deque[Turn | Step]]:
        """What is still to come of the day, by symbol."""
        seed, roster, own = self._options.seed, self._roster, frozenset(mine)
        planned: dict[str, deque[Turn | Step]] = {}
        for place, item in enumerate(instruments()):
            market = self.desk.markets.get(item.symbol)
            begun = market is not None and market.status.trading_date == str(day.date)
            now = market.now if market is not None and begun else 0
            everyone = turns(seed, item.symbol, place, day, roster)
            busy = np.array([turn.time for turn in everyone if turn.trader_id in roster.behaviours], dtype=np.int64)
            found: list[Turn | Step] = [*everyone, *parents(seed, item.symbol, day, roster, busy)]
            found = [what for what in found if what.trader_id in own and what.time > now]
            planned[item.symbol] = deque(sorted(found, key=lambda what: what.time))
        return planned

    def _path(self, symbol: str, day: TradingDay) -> list[int]:
        path = self._paths.get(symbol)
        if path is None:
            item = since_splits(next(item for item in instruments() if item.symbol == symbol), self.desk.splits)
            reference = self.desk.markets[symbol].status.reference_price or item.initial_price
            people, scenario = self._roster.settings, self._roster.scenario
            path = day_path(
                self._options.seed, item, day.date, reference, day.minutes, people.fundamental, scenario, people.prices
            )
            self._paths[symbol] = path
        return path

    def _send(self, symbol: str, commands: list[Command], now: int) -> None:
        for start in range(0, len(commands), MAX_ITEMS):
            part = commands[start : start + MAX_ITEMS]
            value = encode(ORDERS, symbol, part, now)
            self._producer.produce(ORDERS.name, key=symbol, value=value, on_delivery=self._delivered)
            self._sent += len(part)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failed.append(str(error))

    def _leave(self) -> None:
        cancels: dict[str, list[Command]] = defaultdict(list)
        for order in self.desk.ledger.orders.values():
            if self._acts(order.trader_id, order_date(order.order_id)):
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
