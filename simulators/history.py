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
import numpy as np
from msgspec.structs import replace

from simulators.abuse import episodes
from simulators.agenda import GATHERING, Step, mistakes, parents, turns
from simulators.broker import Broker
from simulators.calendar import TradingDay
from simulators.corporate import Splits, declared, note, since_splits
from simulators.fundamentals import day_path
from simulators.population import PriceBands
from simulators.risk import Account, Ledger, endowments
from simulators.runs import DayFiles, Run, keep, run_folder
from simulators.scenario import Scenario, concerns
from simulators.traders import Turn, View
from streaming.contracts.codec import MINUTE, encode_line
from streaming.contracts.commands import AnyCommand, Clock, DefineInstrument, Halt, Resume, Session, SetSession
from streaming.contracts.events import BookEvent, CorporateAction, Episode, MarketStatus, Rejected, Trade
from streaming.contracts.reference import Instrument
from streaming.matching.exchange import Exchange

BATCH = 500
"""Most commands in one message."""

Progress = Callable[[TradingDay, int], None]
"""Told the day and how many of its minutes are done."""


class State(msgspec.Struct):
    """What one day hands on to the next: balances, markets, closing prices.

    `sequences` holds every market's last sequence, `batches` how many batches the day's commands make, `labels` how
    much abuse was planted, `splits` what all splits so far have made of a share.
    """

    accounts: dict[int, Account]
    markets: str
    references: dict[str, int]
    sequences: dict[str, int]
    batches: int = 0
    labels: int = 0
    splits: Splits = {}


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
        self.roster = run.roster()
        self.splits = dict(before.splits)
        everyone = (trader.trader_id for trader in run.people)
        self.broker = Broker(self.ledger, self.roster, everyone, day.date, self.splits)
        self.paths: dict[str, list[int]] = {}
        self.views: dict[str, View] = {}
        self.labels: list[Episode] = []
        self._batches = 0
        self._commands: dict[str, list[AnyCommand]] = {item.symbol: [] for item in run.listed}
        self._events: dict[str, list[BookEvent]] = {item.symbol: [] for item in run.listed}

    def write(self, files: DayFiles, *, first: bool, progress: Progress) -> State:
        """Trade the whole day and write its files, each at once."""
        finals = (files.commands, files.events, files.truth, files.state)
        partial = [_partial(path) for path in finals]
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
        partial[2].write_bytes(b"".join(map(encode_line, self.labels)))
        sequences = {symbol: market.sequence for symbol, market in self.exchange.markets.items()}
        markets = self.exchange.dump().decode()
        counts = self._batches, len(self.labels)
        state = State(self.ledger.accounts, markets, self.references, sequences, *counts, self.splits)
        partial[3].write_bytes(msgspec.json.encode(state))
        for path, final in zip(partial, finals, strict=True):
            path.replace(final)
        return state

    def _trade(self, *, first: bool) -> Iterator[int]:
        """Let the day pass; yields how many minutes are done wherever a batch of every symbol is complete."""
        run, day = self.run, self.day
        gathering = day.open - GATHERING * MINUTE
        if first:
            for item in run.listed:
                self._send(define(item, gathering - MINUTE, run.population.market.price_bands))
        else:
            for item in run.listed:
                for action in declared(run.population, item.symbol, day.date, gathering - MINUTE):
                    self._send(action)
        yield 0
        for item in run.listed:
            self._open(item, gathering)
            self.paths[item.symbol] = self._path(item)
        plan = self._plan()
        position, count = 0, len(plan)
        for minute in range(-GATHERING, day.minutes):
            start = day.open + minute * MINUTE
            end = start + MINUTE
            if minute in (0, day.minutes - GATHERING):
                for item in run.listed:
                    self._session(item, "continuous" if minute == 0 else "closing_auction", start)
            while position < count and plan[position][0] < end:
                now, _, what = plan[position]
                self._lapse(now)
                self._act(what, now, max(minute, 0))
                position += 1
            self._lapse(end)
            closing = minute == day.minutes - 1
            for item in run.listed:
                if closing:  # in its last moment: what the auction trades is of this minute
                    self._session(item, "closed", end - 1)
                else:
                    self._send(Clock(symbol=item.symbol, event_time=end - 1))
                self.views[item.symbol].minute_over()
            yield max(minute + 1, 0)
        for item in run.listed:
            self._send(Clock(symbol=item.symbol, event_time=day.end))
        yield day.minutes

    def _path(self, item: Instrument) -> list[int]:
        run, people = self.run, self.run.population
        item, reference = since_splits(item, self.splits), self.references[item.symbol]
        minutes, model, prices = self.day.minutes, people.fundamental, people.prices
        return day_path(run.seed, item, self.day.date, reference, minutes, model, run.scenario, prices)

    def _plan(self) -> list[tuple[int, int, Turn | Step | Halt | Resume]]:
        """Everything that is known beforehand, in order of time."""
        run, day, roster = self.run, self.day, self.roster
        found: list[Turn | Step | Halt | Resume] = []
        for place, item in enumerate(run.listed):
            taken = turns(run.seed, item.symbol, place, day, roster)
            busy = np.array([turn.time for turn in taken if turn.trader_id in roster.behaviours], dtype=np.int64)
            steps, labels = episodes(run.seed, item.symbol, day, roster)
            found += taken
            found += parents(run.seed, item.symbol, day, roster, busy)
            found += mistakes(place, item.symbol, day, roster)
            found += steps
            found += halts(run.scenario, item, day)
            self.labels += labels
        self.labels.sort(key=lambda episode: (episode.end, episode.episode_id))
        plan = [(time_of(what), number, what) for number, what in enumerate(found)]
        plan.sort()
        return plan

    def _act(self, what: Turn | Step | Halt | Resume, now: int, minute: int) -> None:
        symbol = what.symbol
        if isinstance(what, Halt | Resume):
            self._send(what)
            return
        view = self.views[symbol]
        view.bid, view.bid_quantity, view.ask, view.ask_quantity = self.exchange.markets[symbol].best()
        if isinstance(what, Turn):
            commands = self.broker.turn(what, view, self.paths[symbol][minute], now)
        else:
            commands = self.broker.step(what, view, now)
        for command in commands:
            self._send(command)

    def _lapse(self, until: int) -> None:
        for due, order in self.broker.lapse(until):
            if order.order_id in self.ledger.orders:
                self._send(self.broker.withdraw(order, due))

    def _send(self, command: AnyCommand) -> Sequence[BookEvent]:
        symbol = command.symbol
        events = self.exchange.apply(command)
        self._commands[symbol].append(command)
        self._events[symbol] += events
        for event in events:
            self.ledger.apply(event)
            if isinstance(event, Trade):
                self.views[symbol].last = self.references[symbol] = event.price
            elif isinstance(event, CorporateAction):
                note(self.splits, event)
                self.references[symbol] = event.adjusted_price or self.references[symbol]
            elif isinstance(event, Rejected) and event.reason != "unknown_order":  # it may have traded a moment ago
                raise ShadowError(f"the shadow market refused {command}: {event}")
        if events:
            self.ledger.trades_heard(symbol, events[-1].event_time + 1)
        return events

    def _open(self, item: Instrument, now: int) -> None:
        """Begin to gather orders for the opening auction."""
        symbol, reference = item.symbol, self.references[item.symbol]
        events = self._send(
            SetSession(
                symbol=symbol,
                session="opening_auction",
                trading_date=str(self.day.date),
                reference_price=reference,
                event_time=now,
            )
        )
        status = next(event for event in events if isinstance(event, MarketStatus))
        if status.lower_price is None or status.upper_price is None:
            raise ShadowError(f"{symbol} has no collar")
        self.views[symbol] = View(item.tick_size, status.lower_price, status.upper_price, reference, float(reference))

    def _session(self, item: Instrument, session: Session, now: int) -> None:
        self._send(
            SetSession(
                symbol=item.symbol,
                session=session,
                trading_date=str(self.day.date),
                close_time=self.day.close - GATHERING * MINUTE if session == "continuous" else None,
                event_time=now,
            )
        )


def time_of(what: Turn | Step | Halt | Resume) -> int:
    """When something is to happen."""
    return what.event_time if isinstance(what, Halt | Resume) else what.time


def halts(scenario: Scenario, item: Instrument, day: TradingDay) -> list[Halt | Resume]:
    """When a scenario has trading in a symbol halted and resumed."""
    found: list[Halt | Resume] = []
    for halt in scenario.halt:
        if concerns(halt.target, item.symbol, item.sector):
            begin = day.open + int(halt.at * day.minutes * MINUTE)
            end = min(begin + int(halt.minutes * MINUTE), day.close - (GATHERING + 1) * MINUTE)
            if begin < end:
                found += [Halt(symbol=item.symbol, event_time=begin), Resume(symbol=item.symbol, event_time=end)]
    return found


def define(item: Instrument, event_time: int, bands: PriceBands | None) -> DefineInstrument:
    """The command that makes an instrument known to the exchange."""
    command = DefineInstrument(
        symbol=item.symbol,
        tick_size=item.tick_size,
        lot_size=item.lot_size,
        max_quantity=item.max_quantity,
        collar_bps=item.collar_bps,
        event_time=event_time,
    )
    if bands is None:
        return command
    return replace(
        command,
        luld_tier=item.luld_tier,
        luld_bps=bands.bps,
        limit_state_seconds=bands.limit_state_seconds,
        pause_seconds=bands.pause_seconds,
    )


def _partial(path: Path) -> Path:
    return path.with_suffix(path.suffix + ".partial")
