"""What `tickhouse watch` reads from Kafka: everything of one symbol, and how much there is of the others."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from stack.watch.state import SymbolState, View
from streaming.contracts.codec import UNREADABLE, decode
from streaming.contracts.events import BookSnapshot
from streaming.contracts.kafka import consumer_config, partition_of
from streaming.contracts.settings import Settings
from streaming.contracts.topics import (
    ALERTS,
    BOOK_SNAPSHOTS,
    CORPORATE_ACTIONS,
    MARKET_STATUS,
    ORDER_EVENTS,
    PRICES,
    TRADES,
    Topic,
)

SEQUENCED = (ORDER_EVENTS, TRADES, MARKET_STATUS, CORPORATE_ACTIONS)
"""The topics that share a symbol's sequence."""
MARKET = (*SEQUENCED, PRICES, BOOK_SNAPSHOTS)
"""The topics that the engine writes for every symbol: their messages are counted."""
TOPICS = {topic.name: topic for topic in (*MARKET, ALERTS)}
TIMEOUT = 10.0
"""Seconds that Kafka gets to answer."""
BACK = {**dict.fromkeys(SEQUENCED, 100_000), MARKET_STATUS: 20_000, PRICES: 400, ALERTS: 1_000}
"""Messages before the end of a partition that are read at first: for the tape, and for orders that wait unseen."""
SNAPSHOTS_BACK = 50
SLACK = (5_000, 600_000, None)
"""Milliseconds before the latest snapshot from which events are read; None: from the first that Kafka holds."""
GAP_SECONDS = 1.0
"""How long an event may be on its way when all that Kafka holds was read."""
CATCH_UP_SECONDS = 0.05
BATCH = 2_000
RATE_SECONDS = 5.0


class WatchError(Exception):
    """There is nothing to watch; the text says why, and what to do."""


@dataclass(frozen=True)
class Rates:
    """What came in the last seconds, per second, of all symbols: messages of the engine, and trades."""

    messages: float
    trades: float


class Meter:
    """Counts what came within the last `RATE_SECONDS`."""

    def __init__(self) -> None:
        self._counts: deque[tuple[float, int, int]] = deque()

    def add(self, now: float, messages: int, trades: int) -> None:
        """So many messages and trades came just now."""
        self._counts.append((now, messages, trades))
        while self._counts[0][0] < now - RATE_SECONDS:
            self._counts.popleft()

    def rates(self, now: float) -> Rates:
        """Per second, over the last `RATE_SECONDS`."""
        recent = [(messages, trades) for when, messages, trades in self._counts if when >= now - RATE_SECONDS]
        return Rates(sum(m for m, _ in recent) / RATE_SECONDS, sum(t for _, t in recent) / RATE_SECONDS)


class Feed:
    """Follows one symbol at a time. It joins no group: it reads partitions that it names, and commits nothing."""

    def __init__(self, settings: Settings) -> None:
        """WatchError if Kafka does not answer, or there is no market yet."""
        quiet = logging.getLogger("stack.watch.kafka")
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False  # librdkafka's lines would be written across the screen
        config = consumer_config(settings, "watch", enable_partition_eof=True, fetch_wait_max_ms=100)
        self._consumer = Consumer({**config, "error_cb": self._on_error}, logger=quiet)
        self._behind: set[tuple[str, int]] = set()
        self._meter = Meter()
        self._kafka = settings.kafka
        self.trouble: str | None = None
        self.state = SymbolState("")
        try:
            self._partitions = self._find_partitions()
            self.symbols = self._find_symbols()
        except KafkaException as error:
            self.close()
            raise WatchError(f"Kafka at {settings.kafka} does not answer: is the stack up? (tickhouse up)") from error
        except WatchError:
            self.close()
            raise

    def close(self) -> None:
        """Leave Kafka."""
        self._consumer.close()

    def _on_error(self, error: KafkaError) -> None:
        if error.code() in (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT):
            self.trouble = f"Kafka at {self._kafka} does not answer; waiting for it"

    def _find_partitions(self) -> dict[str, int]:
        found = self._consumer.list_topics(timeout=TIMEOUT).topics
        if any(topic.name not in found for topic in MARKET):
            raise WatchError("There is no market yet: its topics are not there. (tickhouse up)")
        return {name: len(found[name].partitions) for name in TOPICS if name in found}

    def _find_symbols(self) -> list[str]:
        """Whoever has had a session: the engine tells it of every symbol."""
        starts = [self._back(MARKET_STATUS, number) for number in range(self._partitions[MARKET_STATUS.name])]
        keys = {message.key() or b"" for message in self._to_end(starts)}
        symbols = sorted(key.decode(errors="replace") for key in keys)
        if not symbols:
            raise WatchError("There is no market yet: no session has begun. (tickhouse up, or tickhouse history)")
        return symbols

    def check(self, symbol: str) -> str:
        """The symbol as the exchange writes it; WatchError where it trades none of that name."""
        name = symbol.strip().upper()
        if name not in self.symbols:
            raise WatchError(f"The exchange does not trade {name}; it trades: {', '.join(self.symbols)}")
        return name

    # Reading

    def watch(self, symbol: str, *, tell: bool = False) -> Iterator[None]:
        """Follow a symbol from now on: read what Kafka holds of it. Yields between reads, to be given up.

        `tell` has the trades, changes of status and alerts that come after that kept in the state's `told`.
        """
        self._consumer.unassign()  # a fetch that waits for more would keep every question after it waiting
        parts, since = self._latest_snapshot(symbol)
        for slack in SLACK:
            self.state = state = SymbolState(symbol)
            state.hear(parts)
            self._assign(symbol, None if slack is None or since is None else max(0, since - slack))
            while self._behind:
                self._read(CATCH_UP_SECONDS)
                yield
            state.begin()
            state.told = [] if tell else None
            missing, deadline = state.gap, time.monotonic() + GAP_SECONDS
            while (gap := state.gap) is not None and gap == missing and time.monotonic() < deadline:
                self._read(0.1)
                state.advance(time.monotonic())
                yield
            if gap is None or gap != missing:  # else it is missing since before what was read
                break

    def poll(self, seconds: float) -> None:
        """Take in what comes within `seconds`, of all symbols; read anew what Kafka holds where events are missing."""
        self._read(seconds)
        now = time.monotonic()
        self.state.advance(now)
        if self.state.stuck(now):
            self._read_anew()

    def _read_anew(self) -> None:
        before = self.state
        for _ in self.watch(before.symbol, tell=before.told is not None):
            pass
        if self.state.told is not None:
            self.state.told[:0] = [*(before.told or ()), *self.state.since(before.applied)]

    def view(self, depth: int) -> View:
        """What there is to show of the symbol."""
        return self.state.view(depth, time.monotonic())

    def rates(self) -> Rates:
        """How much comes."""
        return self._meter.rates(time.monotonic())

    def _read(self, seconds: float) -> None:
        state, symbol = self.state, self.state.symbol.encode()
        messages, trades, live = 0, 0, not self._behind
        for message in self._consumer.consume(BATCH, seconds):
            if self._ends(message):
                continue
            topic, value = str(message.topic()), message.value() or b""
            if topic != ALERTS.name:
                messages += 1
                if topic == TRADES.name:
                    trades += value.count(b'"trade_id"')
            if message.key() == symbol or topic == ALERTS.name:
                try:
                    state.hear(decode(TOPICS[topic], value))
                except UNREADABLE:  # a stranger's: what is missing then is told as a gap
                    continue
        if messages:
            self.trouble = None
        if live and messages:
            self._meter.add(time.monotonic(), messages, trades)

    def _latest_snapshot(self, symbol: str) -> tuple[list[BookSnapshot], int | None]:
        """The parts of the latest complete snapshot, and Kafka's time of the first, in milliseconds."""
        number = self._home(BOOK_SNAPSHOTS, symbol)
        back = SNAPSHOTS_BACK
        while True:
            start = self._back(BOOK_SNAPSHOTS, number, back)
            found: dict[int, dict[int, BookSnapshot]] = {}
            times: dict[int, int] = {}
            for message in self._to_end([start]):
                if message.key() != symbol.encode():
                    continue
                for part in decode(BOOK_SNAPSHOTS, message.value() or b""):
                    found.setdefault(part.last_sequence, {})[part.part] = part
                    times.setdefault(part.last_sequence, message.timestamp()[1])
            whole = [sequence for sequence, parts in found.items() if len(parts) == next(iter(parts.values())).parts]
            if whole:
                return list(found[max(whole)].values()), times[max(whole)]
            if start.offset <= self._bounds(BOOK_SNAPSHOTS, number)[0]:
                return [], None
            back *= 10

    def _assign(self, symbol: str, since: int | None) -> None:
        """Read the symbol's events from Kafka's time `since` or some messages before; of the others what comes."""
        self._consumer.unassign()
        starts = []
        for name, count in self._partitions.items():
            topic = TOPICS[name]
            for number in range(count):
                low, high = self._bounds(topic, number)
                offset = high
                if topic is ALERTS or (topic is not BOOK_SNAPSHOTS and number == self._home(topic, symbol)):
                    offset = max(low, high - BACK[topic])
                    if topic in SEQUENCED:
                        offset = low if since is None else min(offset, self._at(topic, number, since, high))
                starts.append(TopicPartition(name, number, offset))
        self._behind = {(start.topic, start.partition) for start in starts}
        self._consumer.assign(starts)

    def _to_end(self, starts: list[TopicPartition]) -> Iterator[Message]:
        """Everything from `starts` to the present ends."""
        self._behind = {(start.topic, start.partition) for start in starts}
        self._consumer.assign(starts)
        deadline = time.monotonic() + 3 * TIMEOUT
        while self._behind:
            for message in self._consumer.consume(BATCH, CATCH_UP_SECONDS):
                if not self._ends(message):
                    yield message
            if time.monotonic() > deadline:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        self._consumer.unassign()

    def _ends(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return False
        if error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        self._behind.discard((str(message.topic()), message.partition() or 0))
        return True

    def _home(self, topic: Topic, symbol: str) -> int:
        return partition_of(symbol, self._partitions[topic.name])

    def _bounds(self, topic: Topic, partition: int) -> tuple[int, int]:
        low, high = self._consumer.get_watermark_offsets(TopicPartition(topic.name, partition), TIMEOUT)
        return low, high

    def _back(self, topic: Topic, partition: int, messages: int | None = None) -> TopicPartition:
        low, high = self._bounds(topic, partition)
        return TopicPartition(topic.name, partition, max(low, high - (messages or BACK[topic])))

    def _at(self, topic: Topic, partition: int, timestamp: int, otherwise: int) -> int:
        """The first offset at or after Kafka's `timestamp` (milliseconds)."""
        found = self._consumer.offsets_for_times([TopicPartition(topic.name, partition, timestamp)], TIMEOUT)
        offset: int = found[0].offset
        return offset if offset >= 0 else otherwise
