"""What the tests of the engine on Kafka share: engine processes, kills at chosen instants, and the whole comparison.

Run as a module it kills itself: `python -m tests.integration.matching_engine committed 3` does so when it has
committed its third transaction, at the point named.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition

from streaming.contracts.codec import decode, encode_line
from streaming.contracts.events import DeadLetter, MarketStatus, Trade
from streaming.contracts.kafka import consumer_config, partition_of, producer_config
from streaming.contracts.settings import PROJECT, Settings
from streaming.contracts.topics import (
    BOOK_SNAPSHOTS,
    DEAD_LETTERS,
    MARKET_STATUS,
    ORDER_EVENTS,
    ORDERS,
    PRICES,
    TRADES,
    Topic,
)
from streaming.matching.exchange import Exchange
from streaming.matching.host import Host, Pace
from tests.matching_streams import Day, Memory, envelopes

TOLD = (ORDER_EVENTS, TRADES, MARKET_STATUS, PRICES, BOOK_SNAPSHOTS)
NUMBERED = (ORDER_EVENTS, TRADES, MARKET_STATUS)
BAD = [
    b"no JSON",
    b'{"symbol":"ACME"}',
    b"\xff\xfe\x00",
    b'{"symbol":"ACME","event_time":1,"items":[{"command":"dance"}]}',
]
"""Values that are dead-lettered once each, whatever their key."""
POINTS = (
    "answered",  # everything said, nothing written down
    "half-noted",  # the journal of one market written, those of the others not
    "noted",  # the journals written, but not yet to the changelog
    "changelog",  # all in Kafka's hands, not yet acknowledged
    "flushed",  # all acknowledged, nothing committed
    "offsets",  # the offsets are in the transaction, it is not committed
    "committing",  # while the commit is under way
    "committed",  # committed, the local store not written
    "half-stored",  # one partition of the local store written, the other not
    "stored",  # the whole of it
)
"""The points of a commit at which a process may die, in their order."""


class Engine:
    """The service as a process of its own."""

    def __init__(self, settings: Settings, log: Path, instance: int = 0) -> None:
        self.log = log
        self._environment = os.environ | {
            "TICKHOUSE_HOME": str(settings.home),
            "TICKHOUSE_PORT_OFFSET": str(settings.port_offset),
            "TICKHOUSE_ENGINE_INSTANCE": str(instance),
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, *dies: str) -> None:
        """Start it; `dies` is where it kills itself, and at which commit."""
        module = "tests.integration.matching_engine" if dies else "streaming.matching.engine"
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *dies], env=self._environment, cwd=PROJECT, stderr=output
            )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(60)

    def died(self, seconds: float) -> None:
        """Wait until it has killed itself."""
        assert self.process is not None
        assert self.process.wait(seconds) == -signal.SIGKILL, self.log.read_text()[-3_000:]

    @property
    def rebuilds(self) -> int:
        return self.log.read_text().count("event=rebuilt")


@contextmanager
def engines(settings: Settings, folder: Path, count: int = 1) -> Iterator[list[Engine]]:
    """Engines that are not started yet; those that run are killed in the end."""
    made = [Engine(settings, folder / f"engine-{number}.log", number) for number in range(count)]
    try:
        yield made
    finally:
        for engine in made:
            if engine.running:
                engine.stop(signal.SIGKILL)


class Reader:
    """Everything committed on a topic, from its first message: the items of each key in order of offset, as bytes."""

    def __init__(self, settings: Settings, topic: Topic) -> None:
        self.topic = topic
        self.items: dict[str, list[bytes]] = defaultdict(list)
        self.count = 0
        self._latest = 0
        self._decoder = msgspec.json.Decoder(msgspec.defstruct("_Envelope", [("items", list[msgspec.Raw])]))
        self._consumer = Consumer(consumer_config(settings, "nobody"))
        partitions = 1 if topic is DEAD_LETTERS else settings.kafka_partitions
        self._consumer.assign([TopicPartition(topic.name, number, 0) for number in range(partitions)])

    def until(self, done: Callable[[], bool], seconds: float) -> None:
        """Read on until `done`; fail after `seconds`."""
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"{self.topic.name} has {self.count} items after {seconds} s"
            self.read(0.2)

    def grows(self, seconds: float) -> None:
        """Read until something is there that was said later than now."""
        now = time.time() * 1_000
        self.until(lambda: self._latest > now, seconds)

    def drain(self) -> None:
        """Read what is committed, until nothing more comes."""
        while self.read(0.5):
            pass

    def read(self, seconds: float) -> bool:
        """Read a message, if one comes in time."""
        message = self._consumer.poll(seconds)
        if message is None:
            return False
        assert message.error() is None
        items = self._decoder.decode(message.value()).items
        self.items[message.key().decode()] += map(bytes, items)
        self.count += len(items)
        self._latest = message.timestamp()[1]
        return True

    def close(self) -> None:
        self._consumer.close()


def expected(values: dict[str, list[bytes]], partitions: int) -> dict[str, dict[str, list[bytes]]]:
    """By topic and symbol, the bytes of every item that a pure book says to the messages of each symbol."""
    said: dict[str, dict[str, list[bytes]]] = {topic.name: defaultdict(list) for topic in TOLD}
    exchange = Exchange()
    for symbol, messages in values.items():
        for value in messages:
            for command in decode(ORDERS, value):
                for event in exchange.apply(command):
                    topic = TRADES if isinstance(event, Trade) else ORDER_EVENTS
                    topic = MARKET_STATUS if isinstance(event, MarketStatus) else topic
                    said[topic.name][symbol].append(encode_line(event).rstrip())
    # Prices and snapshots depend on what came in one message: a host that is never stopped says them.
    stores: dict[bytes, Memory] = defaultdict(Memory)
    host = Host(partitions, Pace(), lambda _, key: stores[key])
    host.begin()
    decoder = msgspec.json.Decoder(msgspec.defstruct("_Envelope", [("items", list[msgspec.Raw])]))
    for symbol, messages in values.items():
        for value in messages:
            for message in host.process(symbol.encode(), value, partition_of(symbol, partitions), 0, 0):
                if message.topic in (PRICES.name, BOOK_SNAPSHOTS.name):
                    said[message.topic][symbol] += map(bytes, decoder.decode(message.value).items)
    return said


class Market:
    """Streams of some symbols that flow into Kafka, and the readers of what comes out."""

    def __init__(self, settings: Settings, symbols: Sequence[str], commands: int, seed: int) -> None:
        self.settings = settings
        self.values = {
            symbol: list(envelopes(Day(symbol, seed).commands(commands, days=2), seed)) for symbol in symbols
        }
        self.readers = {topic: Reader(settings, topic) for topic in (*TOLD, DEAD_LETTERS)}
        self.bad = 0
        self._chance = random.Random(seed)
        self._producer = Producer(producer_config(settings))
        self._waiting = [
            (symbol, value)
            for turn in range(max(map(len, self.values.values())))
            for symbol, values in self.values.items()
            for value in values[turn : turn + 1]
        ]
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def trades(self) -> Reader:
        return self.readers[TRADES]

    @property
    def left(self) -> int:
        """Messages that are still to be sent."""
        return len(self._waiting)

    def send(self, count: int) -> None:
        """Send the next messages, with a bad one here and there."""
        for symbol, value in self._waiting[:count]:
            self._producer.produce(ORDERS.name, key=symbol, value=value)
            if self._chance.random() < 0.005:
                self._producer.produce(ORDERS.name, key=symbol, value=self._chance.choice(BAD))
                self.bad += 1
            self._producer.poll(0)
        del self._waiting[:count]

    def flow(self, rate: int) -> None:
        """Go on sending, so many messages a second, until `finish`."""

        def run() -> None:
            while not self._stop.wait(0.02):
                self.send(rate // 50)

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Send all that is left."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.send(self.left)
        self._producer.flush()

    def check(self, seconds: float = 120) -> int:
        """Everything that was said is what a pure book says, to the byte; how many items that are."""
        assert not self.left
        said = expected(self.values, self.settings.kafka_partitions)
        for topic in TOLD:
            reader = self.readers[topic]
            total = sum(map(len, said[topic.name].values()))
            reader.until(lambda reader=reader, total=total: reader.count >= total, seconds)
        letters = self.readers[DEAD_LETTERS]
        letters.until(lambda: letters.count >= self.bad, seconds)
        for topic in TOLD:
            reader = self.readers[topic]
            reader.drain()
            for symbol in self.values:
                assert reader.items[symbol] == said[topic.name][symbol], f"{topic.name} of {symbol}"
        letters.drain()
        found = [msgspec.json.decode(item, type=DeadLetter) for item in letters.items[ORDERS.name]]
        assert len({(letter.partition, letter.offset) for letter in found}) == len(found) == self.bad
        for symbol in self.values:
            numbers = sorted(_sequence(item) for t in NUMBERED for item in self.readers[t].items[symbol])
            numbers = [number for number in numbers if number]
            assert numbers == list(range(1, len(numbers) + 1)), symbol
        return sum(reader.count for reader in self.readers.values())

    def close(self) -> None:
        self._stop.set()
        for reader in self.readers.values():
            reader.close()


class _Numbered(msgspec.Struct):
    sequence: int = 0


def _sequence(item: bytes) -> int:
    return msgspec.json.decode(item, type=_Numbered).sequence


def suicide(point: str, number: int) -> None:
    """Run an engine that kills itself at a point of its so-manieth commit."""
    from quixstreams.checkpointing.checkpoint import Checkpoint
    from quixstreams.internal_producer import InternalProducer
    from quixstreams.kafka.producer import Producer as QuixProducer
    from quixstreams.state.base.transaction import PartitionTransaction

    from streaming.matching import engine
    from streaming.matching.host import HostedMarket

    commits = 0

    def die() -> None:
        if commits >= number:
            os.kill(os.getpid(), signal.SIGKILL)

    def wrap(owner: Any, name: str, when: str, here: str) -> None:
        original = getattr(owner, name)

        def wrapper(*arguments: Any, **more: Any) -> Any:
            if point == here and when == "before":
                die()
            if point == here and when == "during" and commits >= number:
                threading.Timer(random.uniform(0, 0.012), die).start()
            result = original(*arguments, **more)
            if point == here and when == "after":
                die()
            return result

        setattr(owner, name, wrapper)

    def counted(self: Any, *arguments: Any, _original: Any = Checkpoint.commit, **more: Any) -> Any:
        nonlocal commits
        commits += 1
        result = _original(self, *arguments, **more)
        if point == "stored":
            die()
        return result

    Checkpoint.commit = counted
    wrap(Host, "commit", "before", "answered")
    wrap(HostedMarket, "keep", "after", "half-noted")
    wrap(Host, "commit", "after", "noted")
    wrap(PartitionTransaction, "prepare", "after", "changelog")
    wrap(InternalProducer, "flush", "after", "flushed")
    wrap(QuixProducer, "send_offsets_to_transaction", "after", "offsets")
    wrap(QuixProducer, "commit_transaction", "during", "committing")
    wrap(QuixProducer, "commit_transaction", "after", "committed")
    wrap(PartitionTransaction, "flush", "after", "half-stored")
    engine.main()


if __name__ == "__main__":
    suicide(sys.argv[1], int(sys.argv[2]))
