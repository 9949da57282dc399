"""A seeded run of trading days, as fast as the machine goes: the traders act against an in-process shadow market.

What they send is kept as `<date>.commands.jsonl`, what the shadow answers as `<date>.events.jsonl`. The commands are
then published to the platform (`simulators.publish`), whose answers must be the shadow's (`simulators.differential`).
The files are in the file form of the topics: batches of one symbol and one minute of market time, minute after minute.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from simulators.broker import Broker
from simulators.calendar import TradingDay
from simulators.fundamentals import day_path
from simulators.risk import Account, Ledger, endowments
from simulators.runs import DayFiles, Run, keep, run_folder
from simulators.traders import Action, View, agenda
from streaming.contracts.codec import MINUTE, encode_line
from streaming.contracts.commands import AnyCommand, Clock, DefineInstrument, SetSession
from streaming.contracts.events import BookEvent, MarketStatus, Trade
from streaming.contracts.reference import Instrument
from streaming.matching.exchange import Exchange

BATCH = 500
"""Most commands in one message."""

Progress = Callable[[TradingDay, int], None]
"""Told the day and how many of its minutes are done."""


class State(msgspec.Struct):
    """What one day hands on to the next: balances, markets, closing prices.

    `sequences` holds every market's last sequence, `batches` how many batches the day's commands make.
    """

    accounts: dict[int, Account]
    markets: str
    references: dict[str, int]
    sequences: dict[str, int]
    batches: int = 0


class ShadowError(RuntimeError):
    """The shadow market refused what the traders sent: the traders or the book are wrong."""


def generate(home: Path, run: Run, progress: Progress = lambda _day, _minutes: None) -> Path:
    """Write the files of every day of `run` that is not there yet; the folder they are in.

    The files of the run that it follows must be there.
    """
    folder = run_folder(home, run)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second process waits, and then finds the days done
        keep(folder, run)
        _generate_days(home, run, folder, progress)
    return folder


def _generate_days(home: Path, run: Run, folder: Path, progress: Progress) -> None:
    state = last_state(home, run.after) if run.after else None
    for day in run.trading_days():
        files = DayFiles(folder, day.date)
        if files.state.exists():
            state = read_state(files)
            progress(day, day.minutes)
            continue
        first = state is None
        state = Day(run, day, state or first_state(run)).write(files, first=first, progress=progress)


def read_state(files: DayFiles) -> State:
    """How a finished day ended."""
    return msgspec.json.decode(files.state.read_bytes(), type=State)


def last_state(home: Path, run: Run) -> State:
    """How a run ended whose files are all there."""
    return read_state(DayFiles(run_folder(home, run), run.end))


def first_state(run: Run) -> State:
    """A new exchange: the endowments, the first prices, no market yet."""
    return State(
        accounts=endowments(run.people, run.listed),
        markets=Exchange().dump().decode(),
        references={instrument.symbol: instrument.initial_price for instrument in run.listed},
        sequences={instrument.symbol: 0 for instrument in run.listed},
    )


class Day:
    """One trading day in the shadow market."""

    def __init__(self, run: Run, day: TradingDay, before: State) -> None:
        self.run, self.day = run, day
        self.references = dict(before.references)
        self.ledger = Ledger(before.accounts)
        self.exchange = Exchange.load(before.markets.encode())
        self.broker = Broker(self.ledger, run.people, day.date)
        self.paths = {
            item.symbol: day_path(run.seed, item, day.date, self.references[item.symbol], day.minutes)
            for item in run.listed
        }
        self.views: dict[str, View] = {}
        self._batches = 0
        self._commands: dict[str, list[AnyCommand]] = {item.symbol: [] for item in run.listed}
        self._events: dict[str, list[BookEvent]] = {item.symbol: [] for item in run.listed}

    def write(self, files: DayFiles, *, first: bool, progress: Progress) -> State:
        """Trade the whole day and write its files, each at once."""
        partial = [_partial(path) for path in (files.commands, files.events, files.state)]
        with partial[0].open("wb") as commands, partial[1].open("wb") as events:
            for minutes in self._trade(first=first):
                for symbol in self._commands:
                    self._batches += -(-len(self._commands[symbol]) // BATCH)
                    commands.writelines(map(encode_line, self._commands[symbol]))
                    events.writelines(map(encode_line, self._events[symbol]))
                    self._commands[symbol].clear()
                    self._events[symbol].clear()
                progress(self.day, minutes)
            for file in (commands, events):
                file.flush()
                os.fsync(file.fileno())
        if self.ledger.orders:
            raise ShadowError(f"{len(self.ledger.orders)} orders are open after the close")
        sequences = {symbol: market.sequence for symbol, market in self.exchange.markets.items()}
        markets = self.exchange.dump().decode()
        state = State(self.ledger.accounts, markets, self.references, sequences, self._batches)
        partial[2].write_bytes(msgspec.json.encode(state))
        for path, final in zip(partial, (files.commands, files.events, files.state), strict=True):
            path.replace(final)
        return state

    def _trade(self, *, first: bool) -> Iterator[int]:
        """Let the day pass; yields how many minutes are done wherever a batch of every symbol is complete."""
        run, day = self.run, self.day
        if first:
            for item in run.listed:
                self._send(define(item, day.open - MINUTE))
            yield 0
        for item in run.listed:
            self._open(item)
        actions = self._agenda()
        position, count = 0, len(actions)
        for minute in range(day.minutes):
            start = day.open + minute * MINUTE
            end = start + MINUTE
            while position < count and actions[position].time < end:
                self._act(actions[position], minute)
                position += 1
            for symbol, view in self.views.items():
                view.minute_over()
                self._send(Clock(symbol=symbol, event_time=end - 1))
            yield minute + 1
        for item in run.listed:
            self._close(item)
        yield day.minutes
        for item in run.listed:
            self._send(Clock(symbol=item.symbol, event_time=day.end))
        yield day.minutes

    def _agenda(self) -> list[Action]:
        run, symbols = self.run, [item.symbol for item in self.run.listed]
        actions: list[Action] = []
        for trader in run.people:
            actions += agenda(run.seed, trader, self.day, symbols, len(run.people), run.orders_per_day)
        return sorted(actions)

    def _act(self, action: Action, minute: int) -> None:
        symbol, view = action.symbol, self.views[action.symbol]
        bid, ask = best(self.exchange, symbol)
        view.bid, view.ask = bid, ask
        for command in self.broker.act(action, view, self.paths[symbol][minute], action.time):
            self._send(command)

    def _send(self, command: AnyCommand) -> Sequence[BookEvent]:
        symbol = command.symbol
        events = self.exchange.apply(command)
        self._commands[symbol].append(command)
        self._events[symbol] += events
        for event in events:
            self.ledger.apply(event)
            if isinstance(event, Trade):
                self.views[symbol].last = self.references[symbol] = event.price
        if events:
            self.ledger.trades_heard(symbol, events[-1].event_time + 1)
        return events

    def _open(self, item: Instrument) -> None:
        symbol, reference = item.symbol, self.references[item.symbol]
        events = self._send(
            SetSession(
                symbol=symbol,
                session="continuous",
                trading_date=str(self.day.date),
                reference_price=reference,
                event_time=self.day.open,
            )
        )
        status = next(event for event in events if isinstance(event, MarketStatus))
        if status.lower_price is None or status.upper_price is None:
            raise ShadowError(f"{symbol} has no collar")
        self.views[symbol] = View(item.tick_size, status.lower_price, status.upper_price, reference, float(reference))

    def _close(self, item: Instrument) -> None:
        self._send(
            SetSession(symbol=item.symbol, session="closed", trading_date=str(self.day.date), event_time=self.day.close)
        )


def best(exchange: Exchange, symbol: str) -> tuple[int | None, int | None]:
    """Best bid and ask prices."""
    price = exchange.markets[symbol].price()
    return price.bid_price, price.ask_price


def define(item: Instrument, event_time: int) -> DefineInstrument:
    """The command that makes an instrument known to the exchange."""
    return DefineInstrument(
        symbol=item.symbol,
        tick_size=item.tick_size,
        lot_size=item.lot_size,
        max_quantity=item.max_quantity,
        collar_bps=item.collar_bps,
        event_time=event_time,
    )


def _partial(path: Path) -> Path:
    return path.with_suffix(path.suffix + ".partial")
