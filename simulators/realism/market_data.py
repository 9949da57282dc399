"""From a run's files to arrays: the days' commands are carried out again, and what the statistics need is kept.

The market is a pure function of its commands, so this gives every event of the run and, between two of them, the
exact book. Prices are in 1/10,000 dollar, times in microseconds since the Unix epoch, quantities in shares.
"""

from __future__ import annotations

import datetime as dt
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulators.calendar import TradingDay, trading_day
from simulators.runs import DayFiles
from streaming.contracts.codec import MINUTE
from streaming.contracts.commands import AnyCommand, DefineInstrument
from streaming.contracts.events import Accepted, BookEvent, Trade
from streaming.matching.exchange import Exchange, SymbolMarket

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Progress = Callable[[dt.date], None]

STEP = 10_000_000
"""How often the best prices are looked at: every ten seconds of market time."""
STEPS = MINUTE // STEP
"""How many looks make a minute."""
DEPTH_EVERY = 30
"""How many looks lie between two of the whole book: five minutes."""
DEPTH_TICKS = 1_000
"""How far from the best price the depth is kept, in ticks."""


class NoFilesError(ValueError):
    """There is nothing to measure."""


@dataclass(frozen=True)
class SymbolMonth:
    """What is kept of one symbol.

    `bid`, `ask`: (days, looks), at the end of every ten seconds; NaN where there is none, where orders gather for an
    auction, and after an early close. `volume`: (days, minutes), shares traded in continuous trading; NaN in minutes
    without such trading. The six `taker_…` arrays have an element for each order that took shares off the book, in
    order: time, sign (1 bought, -1 sold), shares, trader, the mid price before it and after it. `arrival_time` and
    `arrival_quantity` are of the orders that the book accepted. `depth`: (DEPTH_TICKS,), the average shares shown at
    0, 1, … ticks from the best price of the same side, of both sides.
    """

    symbol: str
    tick: int
    bid: Floats
    ask: Floats
    volume: Floats
    taker_time: Integers
    taker_sign: Integers
    taker_quantity: Integers
    taker_trader: Integers
    taker_mid: Floats
    taker_mid_after: Floats
    arrival_time: Integers
    arrival_quantity: Integers
    depth: Floats

    @property
    def mid(self) -> Floats:
        """(days, looks): halfway between bid and ask; where a side is empty, as it was last on the day."""
        mid = (self.bid + self.ask) / 2
        known = np.maximum.accumulate(np.where(np.isnan(mid), 0, np.arange(mid.shape[1])), axis=1)
        filled: Floats = np.take_along_axis(mid, known, axis=1)
        for day, row in enumerate(self.bid):  # nothing is made up after an early close
            shown = np.flatnonzero(~np.isnan(row))
            filled[day, (shown[-1] + 1 if shown.size else 0) :] = np.nan
        return filled

    @property
    def spread(self) -> Floats:
        """(days, looks): ask less bid, over the mid price."""
        return (self.ask - self.bid) / ((self.ask + self.bid) / 2)


@dataclass(frozen=True)
class Month:
    """Every symbol's data over the same days; `opens` are the times at which the days' trading began."""

    dates: tuple[dt.date, ...]
    opens: Integers
    minutes: Integers
    symbols: tuple[SymbolMonth, ...]
    commands: int
    events: int


def run_days(folder: Path) -> list[DayFiles]:
    """The finished days of a run, oldest first; NoFilesError where there is none."""
    names = sorted(path.name.partition(".")[0] for path in folder.glob("*.state.json"))
    days = [DayFiles(folder, dt.date.fromisoformat(name)) for name in names]
    if not days:
        raise NoFilesError(f"{folder} holds no finished day of a history run")
    return days


def newest_run(home: Path) -> Path:
    """The folder of the history run that was finished last; NoFilesError where there is none."""
    states = sorted((home / "history").glob("*/*.state.json"), key=lambda path: path.stat().st_mtime)
    if not states:
        raise NoFilesError(f"{home / 'history'} holds no history run: make one with `tickhouse history`")
    return states[-1].parent


def read_month(days: Sequence[DayFiles], progress: Progress = lambda _date: None) -> Month:
    """Carry out the commands of consecutive days of one run; `progress` is told each day when it is done."""
    if not days:
        raise NoFilesError("no days to measure")
    exchange = _exchange_before(days[0])
    decode = msgspec.json.Decoder(AnyCommand).decode
    calendar = [trading_day(files.date) for files in days]
    longest = max(day.minutes for day in calendar)
    watchers: dict[str, _Watcher] = {}
    commands = events = 0
    for number, (files, day) in enumerate(zip(days, calendar, strict=True)):
        for watcher in watchers.values():
            watcher.begin(number, day)
        with files.commands.open("rb", buffering=2**20) as lines:
            for line in lines:
                command: AnyCommand = decode(line)
                commands += 1
                watcher_ = watchers.get(command.symbol)
                if watcher_ is None:
                    tick = command.tick_size if isinstance(command, DefineInstrument) else 100
                    watcher_ = watchers[command.symbol] = _Watcher(command.symbol, tick, len(days), longest)
                    watcher_.begin(number, day)
                if watcher_.next_look <= command.event_time:
                    watcher_.look(exchange.markets.get(command.symbol), command.event_time)
                told = exchange.apply(command)
                if told:
                    events += len(told)
                    watcher_.hear(exchange.markets[command.symbol], told)
        progress(files.date)
    return Month(
        dates=tuple(files.date for files in days),
        opens=np.array([day.open for day in calendar]),
        minutes=np.array([day.minutes for day in calendar]),
        symbols=tuple(watchers[symbol].month() for symbol in sorted(watchers)),
        commands=commands,
        events=events,
    )


class _Kept(msgspec.Struct):
    """Of what is kept of a run, all that is needed: the identity of the run that it follows."""

    after: str | None = None


class _State(msgspec.Struct):
    """Of how a day ended, all that is needed."""

    markets: str


def _exchange_before(files: DayFiles) -> Exchange:
    """The exchange as it was on the evening before."""
    earlier = [one for one in run_days(files.folder) if one.date < files.date]
    if not earlier:
        kept = files.folder / "run.json"
        after = msgspec.json.decode(kept.read_bytes(), type=_Kept).after if kept.exists() else None
        if after is None:
            return Exchange()
        earlier = run_days(files.folder.parent / after)
    state = msgspec.json.decode(earlier[-1].state.read_bytes(), type=_State)
    return Exchange.load(state.markets.encode())


class _Watcher:
    """Looks at one symbol's market between its commands, and hears its events."""

    def __init__(self, symbol: str, tick: int, days: int, minutes: int) -> None:
        self.symbol, self.tick = symbol, tick
        self.bid, self.ask = (np.full((days, minutes * STEPS), np.nan) for _ in range(2))
        self.volume = np.full((days, minutes), np.nan)
        self.takers: list[array[int]] = [array("q") for _ in range(4)]
        self.mids: list[array[float]] = [array("d") for _ in range(2)]
        self.arrivals: list[array[int]] = [array("q") for _ in range(2)]
        self.depth = np.zeros(DEPTH_TICKS)
        self.books = 0
        self.best: tuple[float, float] = (np.nan, np.nan)
        self.mid: float = np.nan
        self.next_look = 0

    def begin(self, number: int, day: TradingDay) -> None:
        """A new day."""
        self.number, self.day = number, day
        self.count = 0
        self.best, self.mid = (np.nan, np.nan), np.nan
        self.next_look = day.open + STEP
        self.volume[number, : day.minutes] = 0

    def look(self, market: SymbolMarket | None, until: int) -> None:
        """Write down the best prices at every look up to `until`; the market has not changed since the last."""
        last = self.day.minutes * STEPS
        while self.next_look <= until and self.count < last:
            self.bid[self.number, self.count], self.ask[self.number, self.count] = self.best
            self.count += 1
            self.next_look += STEP
            if self.count % DEPTH_EVERY == 0 and market is not None and market.matching:
                self._look_deep(market)
        if self.count >= last:
            self.next_look = 2**63

    def _look_deep(self, market: SymbolMarket) -> None:
        for side in (market.book.bids, market.book.asks):
            best = side.best()
            if best is None:
                continue
            self.books += 1
            for level in side.in_order():
                ticks = (level.rank - best.rank) // self.tick
                if ticks >= DEPTH_TICKS:
                    break
                self.depth[ticks] += level.shown

    def hear(self, market: SymbolMarket, events: Sequence[BookEvent]) -> None:
        """What a command brought about."""
        before = self.mid
        if market.matching:
            bid, ask = market.book.bids.best(), market.book.asks.best()
            self.best = (np.nan if bid is None else bid.price), (np.nan if ask is None else ask.price)
            self.mid = (self.best[0] + self.best[1]) / 2
        else:
            self.best, self.mid = (np.nan, np.nan), np.nan
        taker = None
        for event in events:
            kind = type(event)
            if kind is Accepted:
                self.arrivals[0].append(event.event_time)
                self.arrivals[1].append(event.quantity)  # type: ignore[union-attr]
            elif isinstance(event, Trade) and event.aggressor_side != "none":
                minute = (event.event_time - self.day.open) // MINUTE
                if 0 <= minute < self.day.minutes:
                    self.volume[self.number, minute] += event.quantity
                if event.taker_order_id == taker:
                    self.takers[2][-1] += event.quantity
                    continue
                taker = event.taker_order_id
                bought = event.aggressor_side == "buy"
                row = (event.event_time, 1 if bought else -1, event.quantity)
                for column, value in zip(
                    self.takers, (*row, event.buyer_id if bought else event.seller_id), strict=True
                ):
                    column.append(value)
                self.mids[0].append(before)
                self.mids[1].append(self.mid)

    def month(self) -> SymbolMonth:
        """All of it."""
        days, minutes = self.volume.shape
        open_ = ~np.isnan(self.bid).reshape(days, minutes, STEPS).all(axis=2)
        open_ |= ~np.isnan(self.ask).reshape(days, minutes, STEPS).all(axis=2)
        times, signs, quantities, traders = (np.array(column, dtype=np.int64) for column in self.takers)
        before, after = (np.array(column) for column in self.mids)
        arrival_times, arrival_quantities = (np.array(column, dtype=np.int64) for column in self.arrivals)
        return SymbolMonth(
            symbol=self.symbol,
            tick=self.tick,
            bid=self.bid,
            ask=self.ask,
            volume=np.where(open_ | (self.volume > 0), self.volume, np.nan),
            taker_time=times,
            taker_sign=signs,
            taker_quantity=quantities,
            taker_trader=traders,
            taker_mid=before,
            taker_mid_after=after,
            arrival_time=arrival_times,
            arrival_quantity=arrival_quantities,
            depth=self.depth / max(self.books, 1),
        )
