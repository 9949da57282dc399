"""The engine on a real Kafka: killed in mid-stream, it says exactly what the pure book says."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from streaming.contracts.codec import decode, encode
from streaming.contracts.commands import (
    AnyCommand,
    CancelOrder,
    Clock,
    DeclareAction,
    DefineInstrument,
    NewOrder,
    SetSession,
)
from streaming.contracts.events import DeadLetter, OrderEvent, Trade
from streaming.contracts.kafka import consumer_config, partition_of, producer_config
from streaming.contracts.provision import create_topics
from streaming.contracts.settings import Settings
from streaming.contracts.topics import (
    BOOK_SNAPSHOTS,
    CORPORATE_ACTIONS,
    DEAD_LETTERS,
    MARKET_STATUS,
    ORDER_EVENTS,
    ORDERS,
    PRICES,
    TRADES,
    Topic,
)
from streaming.matching.exchange import Exchange

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SYMBOLS = ("ACME", "BLUE", "CRUX", "DUNE")
START = 1_767_364_200_000_000
COMMANDS = 20_000
TAKEOVER_SECONDS = 40
"""Longest silence after a kill that a busy machine may need, the new process's start included; Kafka's defaults: 45."""


def commands_of(symbol: str, count: int, seed: int) -> list[AnyCommand]:
    """A day's opening, then orders good and bad, cancels and the clock, then the close."""
    random_ = random.Random(f"{symbol} {seed}")
    commands: list[AnyCommand] = [
        CancelOrder(order_id=1, trader_id=1, symbol=symbol, event_time=START),  # nobody knows the symbol yet
        DefineInstrument(
            symbol=symbol, tick_size=100, lot_size=1, max_quantity=10_000, collar_bps=1_000, event_time=START
        ),
        SetSession(
            symbol=symbol, session="continuous", trading_date="2026-01-02", reference_price=1_000_000, event_time=START
        ),
    ]
    for number in range(1, count + 1):
        now = START + number * 40_000
        kind = random_.random()
        if kind < 0.2:
            old = random_.randint(max(1, number - 200), number)
            commands.append(CancelOrder(order_id=old, trader_id=1 + old % 7, symbol=symbol, event_time=now))
        elif kind < 0.23:
            commands.append(Clock(symbol=symbol, event_time=now))
        else:
            market = random_.random() < 0.1
            commands.append(
                NewOrder(
                    order_id=number,
                    trader_id=1 + number % 7,
                    symbol=symbol,
                    side=random_.choice(["buy", "sell"]) if kind < 0.99 else "hold",
                    order_type="market" if market else "limit",
                    time_in_force=random_.choice(["day", "gtc", "ioc"]),
                    price=None if market else 1_000_000 + 100 * random_.randint(-30, 30),
                    quantity=random_.randint(0, 300),
                    event_time=now,
                )
            )
    end = START + count * 40_000
    commands.append(SetSession(symbol=symbol, session="closed", trading_date="2026-01-02", event_time=end))
    action = DeclareAction(
        action_id="a", symbol=symbol, kind="split", ex_date="2026-01-05", numerator=3, denominator=2, event_time=end
    )
    return [*commands, action, Clock(symbol=symbol, event_time=end)]


def envelopes(commands: list[AnyCommand], seed: int) -> Iterator[list[AnyCommand]]:
    random_ = random.Random(seed)
    start = 0
    while start < len(commands):
        size = random_.randint(1, 12)
        yield commands[start : start + size]
        start += size


BAD_MESSAGES: list[tuple[bytes | None, bytes | None, str]] = [
    (b"ACME", b"no JSON", "malformed_message"),
    (b"ACME", b'{"symbol":"ACME"}', "malformed_message"),
    (b"ACME", None, "malformed_message"),
    (b"ACME", b"\xff\xfe\x00", "malformed_message"),
    (None, b'{"symbol":"ACME","event_time":1,"items":[]}', "key_mismatch"),
    (b"BLUE", encode(ORDERS, "ACME", [Clock(symbol="ACME", event_time=START)], START), "key_mismatch"),
    (b"ACME", encode(ORDERS, "ACME", [Clock(symbol="BLUE", event_time=START)], START), "symbol_mismatch"),
    (b"ACME", b'{"symbol":"ACME","event_time":1,"items":[{"command":"dance"}]}', "malformed_item"),
]


NUMBERED = (ORDER_EVENTS, TRADES, MARKET_STATUS, CORPORATE_ACTIONS)
"""The topics that share a symbol's sequence."""


class Engine:
    """The service as a process of its own."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.log = log
        self._environment = os.environ | {
            "TICKHOUSE_HOME": str(settings.home),
            "TICKHOUSE_PORT_OFFSET": str(settings.port_offset),
        }
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streaming.matching.engine"], env=self._environment, stderr=output
            )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(60)


@contextmanager
def running(settings: Settings, log: Path) -> Iterator[Engine]:
    engine = Engine(settings, log)
    try:
        yield engine
    finally:
        if engine.process.poll() is None:
            engine.stop(signal.SIGKILL)


class Reader:
    """Everything committed on a topic, from its first message, as the pairs of key and item in order of offset."""

    def __init__(self, settings: Settings, topic: Topic) -> None:
        self.topic = topic
        self.items: list[tuple[bytes, Any]] = []
        self._consumer = Consumer(consumer_config(settings, "nobody"))
        partitions = 1 if topic is DEAD_LETTERS else settings.kafka_partitions
        self._consumer.assign([TopicPartition(topic.name, number, 0) for number in range(partitions)])

    def until(self, done: Callable[[list[tuple[bytes, Any]]], bool], seconds: float) -> None:
        """Read on until `done`; fail after `seconds`."""
        deadline = time.monotonic() + seconds
        while not done(self.items):
            assert time.monotonic() < deadline, f"{self.topic.name} has {len(self.items)} items after {seconds} s"
            self._read(0.2)

    def drain(self) -> None:
        """Read what is committed by now."""
        while self._read(1.0):
            pass

    def _read(self, seconds: float) -> bool:
        message = self._consumer.poll(seconds)
        if message is None:
            return False
        assert message.error() is None
        self.items += [(message.key(), item) for item in decode(self.topic, message.value())]
        return True

    def close(self) -> None:
        self._consumer.close()


def of(items: list[tuple[bytes, Any]], symbol: str) -> list[Any]:
    return [item for key, item in items if key == symbol.encode()]


@pytest.fixture(scope="module")
def settings(fresh_stack: Callable[..., Settings]) -> Settings:
    """A Kafka with empty topics, which the tests below use in their order."""
    settings = fresh_stack("kafka")
    create_topics(settings)
    return settings


def test_killed_twice_and_robbed_of_its_files_the_engine_says_what_the_pure_book_says(
    settings: Settings, tmp_path: Path
) -> None:
    streams = {symbol: commands_of(symbol, COMMANDS // len(SYMBOLS), seed=7) for symbol in SYMBOLS}
    exchange = Exchange()
    expected = {symbol: [event for c in stream for event in exchange.apply(c)] for symbol, stream in streams.items()}
    waiting = {symbol: list(envelopes(stream, seed=7)) for symbol, stream in streams.items()}
    bad = list(BAD_MESSAGES)
    readers = {topic: Reader(settings, topic) for topic in (*NUMBERED, DEAD_LETTERS)}
    trades, letters = readers[TRADES], readers[DEAD_LETTERS]
    producer = Producer(producer_config(settings))

    def send(share: float) -> None:
        """The next part of every stream, the symbols taking turns, and some of the bad messages among them."""
        for _ in range(min(len(bad), 3)):
            key, value, _reason = bad.pop(0)
            producer.produce(ORDERS.name, key=key, value=value)
        counts = {symbol: int(len(messages) * share) for symbol, messages in waiting.items()}
        for turn in range(max(counts.values())):
            for symbol, messages in waiting.items():
                if turn < counts[symbol]:
                    message = messages.pop(0)
                    value = encode(ORDERS, symbol, message, message[-1].event_time)
                    producer.produce(ORDERS.name, key=symbol, value=value)
        producer.flush()

    def grows(reader: Reader, seconds: float = 60) -> float:
        """Seconds until the engine has said more."""
        start, before = time.monotonic(), len(reader.items)
        reader.until(lambda items: len(items) > before, seconds)
        return time.monotonic() - start

    with running(settings, tmp_path / "engine.log") as engine:
        send(0.3)
        grows(trades)
        engine.stop(signal.SIGKILL)  # in the middle: nearly all of the first part is still to do
        trades.drain()
        engine.start()
        send(0.5)
        assert grows(trades) < TAKEOVER_SECONDS
        engine.stop(signal.SIGKILL)
        trades.drain()
        shutil.rmtree(settings.home / "state")  # the books come back from Kafka alone
        engine.start()
        send(1.0)
        assert grows(trades) < TAKEOVER_SECONDS
        for symbol in SYMBOLS:
            readers[MARKET_STATUS].until(
                lambda items, symbol=symbol: any(status.session == "closed" for status in of(items, symbol)), 60
            )
        letters.until(lambda items: len(items) >= len(BAD_MESSAGES), 30)
        totals = {
            ORDER_EVENTS: sum(isinstance(e, OrderEvent) for events in expected.values() for e in events),
            CORPORATE_ACTIONS: len(SYMBOLS),
            TRADES: sum(isinstance(e, Trade) for events in expected.values() for e in events),
        }
        for topic, total in totals.items():
            readers[topic].until(lambda items, total=total: len(items) >= total, 30)
        assert engine.stop() == 0, engine.log.read_text()

    assert engine.log.read_text().count("event=rebuilt") >= 2, "it was killed where nothing was at stake"
    told = [pair for topic in NUMBERED for pair in readers[topic].items]
    for symbol, events in expected.items():
        said = sorted((event for event in of(told, symbol) if event.sequence is not None), key=lambda e: e.sequence)
        assert said == [event for event in events if event.sequence is not None], symbol
        unnumbered = [event for event in of(readers[ORDER_EVENTS].items, symbol) if event.sequence is None]
        assert unnumbered == [event for event in events if event.sequence is None]
        for topic in NUMBERED:
            numbers = [event.sequence for event in of(readers[topic].items, symbol) if event.sequence]
            assert numbers == sorted(numbers), f"{topic.name} of {symbol} is out of order"
    check_dead_letters([item for _, item in letters.items])
    check_conflated(settings, exchange)
    for reader in readers.values():
        reader.close()


def check_dead_letters(letters: list[DeadLetter]) -> None:
    assert len(letters) == len(BAD_MESSAGES)
    for _key, value, reason in BAD_MESSAGES:
        matching = [letter for letter in letters if letter.reason == reason and letter.payload in (value or b"")]
        assert matching, f"no dead letter for {value!r}"
        assert all(letter.topic == "orders" and letter.event_time > START for letter in matching)


def check_conflated(settings: Settings, exchange: Exchange) -> None:
    """The last price and the last snapshot of each symbol are those of the pure book."""
    prices, snapshots = Reader(settings, PRICES), Reader(settings, BOOK_SNAPSHOTS)
    for symbol, market in exchange.markets.items():
        last = market.sequence
        prices.until(lambda items, s=symbol, n=last: any(p.last_sequence == n for p in of(items, s)), 30)
        snapshots.until(lambda items, s=symbol, n=last: any(p.last_sequence == n for p in of(items, s)), 30)
        assert of(prices.items, symbol)[-1] == market.price()
        assert of(snapshots.items, symbol)[-1:] == market.snapshot()
    prices.close()
    snapshots.close()


def test_a_message_on_a_wrong_partition_is_a_dead_letter_and_opens_no_second_book(
    settings: Settings, tmp_path: Path
) -> None:
    home = partition_of("ECHO", settings.kafka_partitions)
    value = encode(ORDERS, "ECHO", commands_of("ECHO", 0, seed=1), START)
    producer = Producer(producer_config(settings))
    producer.produce(ORDERS.name, key="ECHO", value=value, partition=1 - home)
    producer.produce(ORDERS.name, key="ECHO", value=value, partition=home)
    producer.flush()
    letters, statuses = Reader(settings, DEAD_LETTERS), Reader(settings, MARKET_STATUS)
    with running(settings, tmp_path / "engine.log") as engine:
        letters.until(lambda items: any(letter.payload == value for _, letter in items), 60)
        statuses.until(lambda items: len(of(items, "ECHO")) == 2, 60)
        assert engine.stop() == 0
    (letter,) = [letter for _, letter in letters.items if letter.payload == value]
    assert (letter.reason, letter.partition) == ("key_mismatch", 1 - home)
    assert [status.sequence for status in of(statuses.items, "ECHO")] == [1, 2]
    letters.close()
    statuses.close()
