"""The engine without Kafka: one input message in, the messages that answer it out, and its journal kept.

The books live in memory. Before each message the book's position is compared with the journal's, and the book is
rebuilt where they differ: after a restart, and after a transaction that was aborted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec
import structlog
from msgspec import Struct

from streaming.contracts.codec import MINUTE, BadItem, decode_orders
from streaming.contracts.commands import AnyCommand, Clock, SetSession
from streaming.contracts.events import DeadLetter
from streaming.contracts.kafka import partition_of
from streaming.contracts.topics import DEAD_LETTERS, ORDERS
from streaming.matching.answers import MAX_ITEMS, Message, Minute, message, minute_of, snapshots
from streaming.matching.journal import PART_BYTES, SLOT_BYTES, Journal, Store, framed
from streaming.matching.market import SymbolMarket

log = structlog.get_logger()

_partition_of = lru_cache(4_096)(partition_of)
LOG_MESSAGES = 500
"""Most messages in a journal's log: what a rebuild replays at most."""


class Incoming(Struct, frozen=True):
    """A message of topic `orders`, from anybody. `timestamp` is Kafka's, in milliseconds."""

    key: bytes | None
    value: bytes | None
    partition: int
    offset: int
    timestamp: int


class Pace(Struct, frozen=True):
    """How often the whole book is told: after so many commands of a symbol, or so many minutes of its time."""

    commands: int = 2_000
    minutes: int = 15


class _Saved(Struct):
    commands: int
    minute: int
    market: msgspec.Raw


class Counts(Struct):
    """What a host did since it started."""

    messages: int = 0
    commands: int = 0
    dead_letters: int = 0
    rebuilds: int = 0


class HostedMarket:
    """A market, its position in the journal, and when its whole book was told last."""

    def __init__(self, symbol: str, pace: Pace) -> None:
        self.market = SymbolMarket(symbol)
        self.position = 0
        self._pace = pace
        self._commands = 0
        self._minute = 0
        self._slot = 0
        self._open_slot = b""
        self._log_messages = 0
        self._log_bytes = 0
        self._log_limit = PART_BYTES

    @classmethod
    def rebuild(cls, symbol: str, pace: Pace, journal: Journal) -> HostedMarket:
        """The market as its journal tells it."""
        hosted = cls(symbol, pace)
        hosted.position, snapshot, messages = journal.read()
        if snapshot is not None:
            saved = msgspec.json.decode(snapshot, type=_Saved)
            hosted.market = SymbolMarket.load(bytes(saved.market))
            hosted._commands, hosted._minute = saved.commands, saved.minute
            hosted._log_limit = max(PART_BYTES, 4 * len(snapshot))
        for value in messages:
            for _ in hosted.answer(decode_orders(symbol, value)[0]):
                pass  # it was told when it happened
            hosted._count(value)
        return hosted

    def answer(self, commands: Sequence[AnyCommand]) -> Iterator[Message]:
        """Carry out the commands of one message and tell what happened."""
        market, session = self.market, self.market.session
        minute = None
        for command in commands:
            number = minute_of(market, command)
            if minute is None or number != minute.number:
                if minute is not None:
                    yield from minute.messages()
                minute = Minute(market, number)
            minute.add(command, market.apply(command))
        if minute is not None:
            yield from minute.messages()
        if market.known:
            self._commands += len(commands)
            yield from self._snapshot(commands, session != market.session)

    def _snapshot(self, commands: Sequence[AnyCommand], session_changed: bool) -> Iterator[Message]:
        minute = self.market.now // MINUTE
        ticked = any(isinstance(command, Clock | SetSession) for command in commands)
        due = ticked and minute >= self._minute + self._pace.minutes
        if session_changed or due or self._commands >= self._pace.commands:
            self._commands, self._minute = 0, minute
            yield from snapshots(self.market.snapshot())

    def keep(self, journal: Journal, value: bytes) -> None:
        """Write down the message just answered. What an unknown symbol was sent leaves no trace."""
        if not self.market.known:
            return
        self._count(value)
        if self._log_messages > LOG_MESSAGES or self._log_bytes > self._log_limit or len(value) > PART_BYTES:
            saved = msgspec.json.encode(_Saved(self._commands, self._minute, msgspec.Raw(self.market.dump())))
            journal.save(self.position, saved)
            self._slot, self._open_slot, self._log_messages, self._log_bytes = 0, b"", 0, 0
            self._log_limit = max(PART_BYTES, 4 * len(saved))
        else:
            journal.write(self.position, self._slot, self._open_slot)

    def _count(self, value: bytes) -> None:
        """Put a message into the log; a slot that is full, or would be too large with it, is followed by another."""
        if self._open_slot and len(self._open_slot) + len(value) > SLOT_BYTES:
            self._slot, self._open_slot = self._slot + 1, b""
        self._open_slot += framed(value)
        self.position += 1
        self._log_messages += 1
        self._log_bytes += len(value)


class Host:
    """The markets of the partitions that this engine reads; `partitions` is how many topic `orders` has."""

    def __init__(self, partitions: int, pace: Pace) -> None:
        self.counts = Counts()
        self._partitions = partitions
        self._pace = pace
        self._markets: dict[str, HostedMarket] = {}

    def process(self, incoming: Incoming, store: Store) -> list[Message]:
        """Answer a message; `store` is the state of its key. Bad messages and items become dead letters."""
        self.counts.messages += 1
        value = incoming.value or b""
        commands, bad = self._decode(incoming, value)
        told = list(self._dead_letters(incoming, bad)) if bad else []
        if commands:
            self.counts.commands += len(commands)
            journal = Journal(store)
            hosted = self._hosted(commands[0].symbol, journal)
            told.extend(hosted.answer(commands))
            hosted.keep(journal, value)
            if not hosted.market.known:  # strangers' symbols take up no memory
                del self._markets[hosted.market.symbol]
        return told

    def _decode(self, incoming: Incoming, value: bytes) -> tuple[list[AnyCommand], list[BadItem]]:
        key = None if incoming.key is None else incoming.key.decode(errors="replace")
        commands, bad = decode_orders(key, value)
        if commands:
            home = _partition_of(commands[0].symbol, self._partitions)
            if home != incoming.partition:
                # A second book of the symbol would come up there.
                detail = f"key {key!r} belongs on partition {home}, not {incoming.partition}"
                return [], [BadItem("key_mismatch", detail, value)]
        return commands, bad

    def _hosted(self, symbol: str, journal: Journal) -> HostedMarket:
        position = journal.position()
        hosted = self._markets.get(symbol)
        if hosted is None or hosted.position != position:
            hosted = self._markets[symbol] = HostedMarket.rebuild(symbol, self._pace, journal)
            assert hosted.position == position
            if position:
                self.counts.rebuilds += 1
                log.info("rebuilt", symbol=symbol, position=position, sequence=hosted.market.sequence)
        return hosted

    def _dead_letters(self, incoming: Incoming, bad: Sequence[BadItem]) -> Iterator[Message]:
        self.counts.dead_letters += len(bad)
        now = max(0, incoming.timestamp) * 1_000
        letters: list[DeadLetter] = []
        size = 0
        for item in bad:
            if letters and (len(letters) == MAX_ITEMS or size + len(item.payload) > PART_BYTES):
                yield message(DEAD_LETTERS, ORDERS.name, letters, now)
                letters, size = [], 0
            letters.append(
                DeadLetter(
                    topic=ORDERS.name,
                    partition=incoming.partition,
                    offset=incoming.offset,
                    reason=item.reason,  # type: ignore[arg-type]  # the codec uses the contract's codes
                    detail=item.detail,
                    payload=item.payload,
                    event_time=now,
                )
            )
            size += len(item.payload)
        yield message(DEAD_LETTERS, ORDERS.name, letters, now)
