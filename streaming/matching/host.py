"""The engine without Kafka: one input message in, the messages that answer it out, and its journal kept.

The books live in memory. The first message of a symbol in each transaction compares its book with the journal in the
store, and rebuilds it where they differ: after a restart, after a transaction that was aborted, and when a partition
comes back that another engine has had. What the transaction added is written to the journal once, when it is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec
import structlog
from msgspec import Struct

from streaming.contracts.codec import MINUTE, BadItem, decode_orders, encode
from streaming.contracts.commands import AnyCommand, Clock, SetSession
from streaming.contracts.events import BookSnapshot, DeadLetter
from streaming.contracts.kafka import partition_of
from streaming.contracts.topics import DEAD_LETTERS, ORDERS
from streaming.matching.answers import MAX_ITEMS, Message, Teller
from streaming.matching.journal import PART_BYTES, Journal, Store
from streaming.matching.market import SymbolMarket

log = structlog.get_logger()


class Pace(Struct, frozen=True):
    """How often the whole book is told.

    After so many commands of a symbol, or as many as the book told last had orders if those are more (else a large
    book would be all that an engine tells), or so many minutes of its time.
    """

    commands: int = 2_000
    minutes: int = 15


class _Saved(Struct):
    commands: int
    minute: int
    orders: int
    market: msgspec.Raw


class Counts(Struct):
    """What a host did since it started."""

    messages: int = 0
    commands: int = 0
    dead_letters: int = 0
    rebuilds: int = 0


class HostedMarket:
    """A market, its journal, and when its whole book was told last."""

    __slots__ = ("_commands", "_minute", "_orders", "_pace", "_teller", "journal", "market")

    def __init__(self, symbol: str, pace: Pace, store: Store) -> None:
        """The market as the journal in `store` tells it."""
        self.journal, snapshot, messages = Journal.read(store)
        self._pace = pace
        self._commands = self._minute = self._orders = 0
        self.market = SymbolMarket(symbol)
        if snapshot:
            saved = msgspec.json.decode(snapshot, type=_Saved)
            self.market = SymbolMarket.load(bytes(saved.market))
            self._commands, self._minute, self._orders = saved.commands, saved.minute, saved.orders
        for value in messages:
            self._replay(decode_orders(symbol, value)[0])
        self._teller = Teller(self.market)

    def _replay(self, commands: Sequence[AnyCommand]) -> None:
        """Carry out a message that was answered when it came."""
        session = self.market.session
        for command in commands:
            self.market.apply(command)
        if self._due(commands, session != self.market.session):
            self._book()

    def answer(self, commands: Sequence[AnyCommand]) -> list[Message]:
        """Carry out the commands of one message and tell what happened."""
        session = self.market.session
        told = self._teller.answer(commands)
        if self._due(commands, session != self.market.session):
            told += self._teller.book(self._book())
        return told

    def _due(self, commands: Sequence[AnyCommand], session_changed: bool) -> bool:
        """Whether the whole book is to be told after these commands."""
        if not self.market.known:
            return False
        self._commands += len(commands)
        if session_changed or self._commands >= max(self._pace.commands, self._orders):
            return True
        if self.market.now // MINUTE < self._minute + self._pace.minutes:
            return False
        return any(isinstance(command, Clock | SetSession) for command in commands)

    def _book(self) -> list[BookSnapshot]:
        parts = self.market.snapshot()
        self._commands, self._minute = 0, self.market.now // MINUTE
        self._orders = sum(len(part.orders) for part in parts)
        return parts

    def keep(self, store: Store) -> None:
        """Write down what was answered since the last time."""
        self.journal.write(store, self._dump)

    def _dump(self) -> bytes:
        market = msgspec.Raw(self.market.dump())
        return msgspec.json.encode(_Saved(self._commands, self._minute, self._orders, market))


class Host:
    """The markets of the partitions that this engine reads.

    `partitions` is how many topic `orders` has; `stores` opens the state of a key, by its partition and the key, for
    the transaction that is under way.
    """

    def __init__(self, partitions: int, pace: Pace, stores: Callable[[int, bytes], Store]) -> None:
        self.counts = Counts()
        self._partitions = partitions
        self._pace = pace
        self._stores = stores
        self._markets: dict[bytes, HostedMarket] = {}
        self._open: dict[bytes, tuple[HostedMarket, int, Store]] = {}
        """The markets that have a part in the transaction under way, where they are at home, and their stores."""

    def begin(self) -> None:
        """Another transaction is under way. What the last did not commit is void: the books will be compared."""
        self._open.clear()

    def commit(self) -> None:
        """Write the journals, before the transaction is committed."""
        for hosted, _, store in self._open.values():
            hosted.keep(store)
        self._open.clear()

    def process(
        self, key: bytes | None, value: bytes | None, partition: int, offset: int, timestamp: int
    ) -> list[Message]:
        """Answer a message of topic `orders`, from anybody; `timestamp` is Kafka's, in milliseconds."""
        self.counts.messages += 1
        value = value or b""
        opened = None if key is None else self._open.get(key)
        if opened is not None:
            symbol: str | None = opened[0].market.symbol
        else:
            symbol = None if key is None else key.decode(errors="replace")
        commands, bad = decode_orders(symbol, value)
        told: list[Message] = []
        if commands:
            assert key is not None  # it is the symbol
            home = opened[1] if opened else partition_of(commands[0].symbol, self._partitions)
            if home == partition:
                told = self._answer(key, value, commands, opened[0] if opened else self._hosted(key, home))
            else:  # a second book of the symbol would come up there
                detail = f"key {key.decode()!r} belongs on partition {home}, not {partition}"
                bad = [BadItem("key_mismatch", detail, value)]
        if bad:
            self.counts.dead_letters += len(bad)
            told += _dead_letters(bad, partition, offset, max(0, timestamp) * 1_000)
        return told

    def _answer(self, key: bytes, value: bytes, commands: Sequence[AnyCommand], hosted: HostedMarket) -> list[Message]:
        self.counts.commands += len(commands)
        told = hosted.answer(commands)
        if hosted.market.known:
            hosted.journal.note(value)
        else:  # strangers' symbols leave no trace and take up no memory
            del self._markets[key], self._open[key]
        return told

    def _hosted(self, key: bytes, home: int) -> HostedMarket:
        """The market as it was committed last, made ready for this transaction."""
        store = self._stores(home, key)
        hosted = self._markets.get(key)
        if hosted is None or not hosted.journal.agrees(store):
            symbol = key.decode()
            hosted = self._markets[key] = HostedMarket(symbol, self._pace, store)
            if hosted.journal.position:
                self.counts.rebuilds += 1
                position, sequence = hosted.journal.position, hosted.market.sequence
                log.info("rebuilt", symbol=symbol, position=position, sequence=sequence)
        self._open[key] = hosted, home, store
        return hosted


def _dead_letters(bad: Sequence[BadItem], partition: int, offset: int, now: int) -> Iterator[Message]:
    letters: list[DeadLetter] = []
    size = 0
    for item in bad:
        if letters and (len(letters) == MAX_ITEMS or size + len(item.payload) > PART_BYTES):
            yield _letters(letters, now)
            letters, size = [], 0
        letters.append(
            DeadLetter(
                topic=ORDERS.name,
                partition=partition,
                offset=offset,
                reason=item.reason,  # type: ignore[arg-type]  # the codec uses the contract's codes
                detail=item.detail,
                payload=item.payload,
                event_time=now,
            )
        )
        size += len(item.payload)
    yield _letters(letters, now)


def _letters(letters: Sequence[DeadLetter], now: int) -> Message:
    return Message(DEAD_LETTERS.name, ORDERS.name.encode(), encode(DEAD_LETTERS, ORDERS.name, letters, now))
