"""Did the platform do what the shadow market did? Compared item for item, for every history run.

Everything on `order-events`, `trades`, `market-status` and `corporate-actions` has a sequence per symbol without a gap:
the topics are merged by it and held against the shadow's file. What came after the run (live trading) is passed over.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException

from simulators.history import first_state, last_state, read_state
from simulators.market_time import partitions
from simulators.runs import DayFiles, Run, run_folder
from streaming.contracts.kafka import consumer_config
from streaming.contracts.settings import Settings
from streaming.contracts.topics import CORPORATE_ACTIONS, MARKET_STATUS, ORDER_EVENTS, TRADES

Progress = Callable[[int, int], None]
"""Told how many events of how many agree or differ so far."""


@dataclass(frozen=True)
class Report:
    """The outcome. `expected` events of the shadow: `compared` of them were answered, `different` differently."""

    expected: int
    compared: int
    different: int
    repeated: int
    trades: int
    first_difference: str | None

    @property
    def missing(self) -> int:
        """Events that the platform has not published."""
        return self.expected - self.compared

    @property
    def agrees(self) -> bool:
        """Whether the platform did exactly what the shadow did; a run without a trade proves nothing."""
        return self.trades > 0 and not (self.missing or self.different or self.repeated)


class _Head(msgspec.Struct):
    symbol: str
    sequence: int


class _Envelope(msgspec.Struct):
    symbol: str
    items: list[msgspec.Raw]


_head = msgspec.json.Decoder(_Head)
_envelope = msgspec.json.Decoder(_Envelope)


class Comparison:
    """Holds events, in any order of the symbols and topics, against the shadow's lines."""

    def __init__(self, shadow: Iterable[bytes], before: dict[str, int], after: dict[str, int]) -> None:
        """`before` and `after` are the sequences of every symbol at the start and the end of the run."""
        self._shadow = iter(shadow)
        self._read: dict[str, deque[bytes]] = defaultdict(deque)
        self._waiting: dict[str, dict[int, tuple[bytes, bool]]] = defaultdict(dict)
        self._done = {symbol: before.get(symbol, 0) for symbol in after}
        self._last = after
        self.expected = sum(after.values()) - sum(self._done.values())
        self.compared = self.different = self.repeated = self.trades = 0
        self.first_difference: str | None = None
        self._before = dict(self._done)

    @property
    def complete(self) -> bool:
        """Whether every event of the shadow has been answered."""
        return self.compared == self.expected

    def take(self, item: bytes, *, trade: bool) -> None:
        """Take in an event of the platform."""
        try:
            head = _head.decode(item)
        except msgspec.ValidationError:
            return  # a rejection for a symbol that does not exist: no symbol's sequence counts it
        symbol, sequence = head.symbol, head.sequence
        if not self._before.get(symbol, sequence) < sequence <= self._last.get(symbol, -1):
            return
        waiting = self._waiting[symbol]
        if sequence <= self._done[symbol] or sequence in waiting:
            self.repeated += 1
            self._note(f"{symbol} sequence {sequence} came twice: {item.decode()}")
            return
        waiting[sequence] = item, trade
        while (found := waiting.pop(self._done[symbol] + 1, None)) is not None:
            self._done[symbol] += 1
            self._compare(self._expected(symbol), *found)

    def report(self) -> Report:
        """The outcome so far."""
        first = self.first_difference
        if first is None and not self.complete:
            symbol, done = next((s, done) for s, done in self._done.items() if done < self._last[s])
            first = f"{symbol} sequence {done + 1} is missing: the shadow says {self._expected(symbol).decode()}"
        return Report(self.expected, self.compared, self.different, self.repeated, self.trades, first)

    def _compare(self, shadow: bytes, item: bytes, trade: bool) -> None:
        self.compared += 1
        self.trades += trade
        if shadow != item and msgspec.json.decode(shadow) != msgspec.json.decode(item):
            self.different += 1
            self._note(f"the shadow says {shadow.decode()}, the platform {item.decode()}")

    def _expected(self, symbol: str) -> bytes:
        """The symbol's next line of the shadow."""
        lines = self._read[symbol]
        while not lines:
            line = next(self._shadow).rstrip()
            self._read[_head.decode(line).symbol].append(line)
        return lines.popleft()

    def _note(self, difference: str) -> None:
        self.first_difference = self.first_difference or difference


def differential(
    settings: Settings, run: Run, progress: Progress = lambda _done, _all: None, patience: float = 60.0
) -> Report:
    """Compare the platform's events with the shadow's, waiting for those that are not there yet.

    Gives up after `patience` seconds in which nothing of the run came; the report then tells what is missing.
    """
    comparison = open_comparison(settings.home, run)
    consumer = Consumer(consumer_config(settings, "differential"))
    try:
        topics = (ORDER_EVENTS, TRADES, MARKET_STATUS, CORPORATE_ACTIONS)
        starts = [part for topic in topics for part in partitions(consumer, topic)]
        for start in starts:
            start.offset = OFFSET_BEGINNING
        consumer.assign(starts)
        heard = time.monotonic()
        while not comparison.complete and time.monotonic() - heard < patience:
            before = comparison.compared
            for message in consumer.consume(500, 0.5):
                if message.error() is not None:
                    raise KafkaException(message.error())
                trade = message.topic() == TRADES.name
                for item in _envelope.decode(message.value() or b"").items:
                    comparison.take(bytes(item), trade=trade)
            if comparison.compared > before:
                heard = time.monotonic()
                progress(comparison.compared, comparison.expected)
        return comparison.report()
    finally:
        consumer.close()


def open_comparison(home: Path, run: Run) -> Comparison:
    """The comparison for a generated run."""
    before = last_state(home, run.after) if run.after else first_state(run)
    files = [DayFiles(run_folder(home, run), day.date) for day in run.trading_days()]
    return Comparison(_lines(files), before.sequences, read_state(files[-1]).sequences)


def _lines(files: list[DayFiles]) -> Iterator[Any]:
    for day in files:
        with day.events.open("rb") as file:
            yield from file
