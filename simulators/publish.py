"""Sends a history run's commands to `orders`, and the labels of what was planted in them to `ground-truth`.

Every one of them once, however often the publisher is killed.

Each Kafka transaction carries a number of messages and, as the offset of a consumer group of the run's name, how many
have been sent in all: both are there, or neither. The next publisher goes on from that number.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition

from simulators.history import BATCH, read_state
from simulators.market_time import committed, market_time
from simulators.runs import DayFiles, Run, run_folder
from streaming.contracts.codec import MINUTE, encode
from streaming.contracts.kafka import consumer_config, producer_config
from streaming.contracts.settings import Settings
from streaming.contracts.topics import GROUND_TRUTH, ORDERS, Topic

TRANSACTION = 960
"""Messages in a transaction: 48 minutes of market time of 20 symbols. A transaction costs a fifth of a second."""
TIMEOUT = 60.0
"""Seconds to wait for the brokers."""

Progress = Callable[[int, int], None]
"""Told how many messages of how many are sent."""


class WrongExchangeError(RuntimeError):
    """The exchange already holds something that this run cannot follow."""


@dataclass(frozen=True)
class Published:
    """What a publisher did: `messages` of the run in all; of these, sent now, with so many commands."""

    messages: int
    sent: int
    commands: int


@dataclass(frozen=True)
class Message:
    """The commands of one symbol within one minute, or a label, as lines of the file form."""

    symbol: str
    event_time: int
    lines: list[bytes]
    topic: Topic = ORDERS

    def encode(self) -> bytes:
        """The Kafka value."""
        items: list[Any] = [msgspec.Raw(line) for line in self.lines]  # encoded already: copied as they are
        return encode(self.topic, self.symbol, items, self.event_time)


class _Head(msgspec.Struct):
    symbol: str
    event_time: int


_head = msgspec.json.Decoder(_Head)


def messages(path: Path) -> Iterator[Message]:
    """The messages that a day's commands make, in the order of the file."""
    lines: list[bytes] = []
    symbol, minute, last = "", -1, 0
    with path.open("rb") as file:
        for line in file:
            head = _head.decode(line)
            if head.symbol != symbol or head.event_time // MINUTE != minute or len(lines) == BATCH:
                if lines:
                    yield Message(symbol, last, lines)
                lines, symbol, minute = [], head.symbol, head.event_time // MINUTE
            lines.append(line)
            last = head.event_time
    if lines:
        yield Message(symbol, last, lines)


def labels(path: Path) -> Iterator[Message]:
    """The labels of a day's planted abuse, each a message."""
    for line in path.read_bytes().splitlines():
        head = _head.decode(line)
        yield Message(head.symbol, head.event_time, [line], GROUND_TRUTH)


def publish(settings: Settings, run: Run, progress: Progress = lambda _sent, _all: None) -> Published:
    """Send what is not yet sent of a generated run; nothing, if all of it is.

    WrongExchangeError where the exchange's market time is not where this run has to go on.
    """
    folder = run_folder(settings.home, run)
    files = [DayFiles(folder, day.date) for day in run.trading_days()]
    states = map(read_state, files)
    batches = [state.batches + state.labels for state in states]
    total = sum(batches)
    name = _name(run)
    producer = Producer(producer_config(settings, transactional_id=name, linger_ms=20))
    producer.init_transactions(TIMEOUT)  # ends what a killed publisher began
    consumer = Consumer(consumer_config(settings, name))
    try:
        done = committed(consumer)
        if done == total:
            progress(total, total)
            return Published(total, 0, 0)
        _check(settings, run, files, batches, done)
        commands = 0
        rest = islice(_all_messages(files, batches, done), None)
        position = done
        while part := list(islice(rest, TRANSACTION)):
            producer.begin_transaction()
            for message in part:
                _produce(producer, message)
                commands += len(message.lines) if message.topic is ORDERS else 0
            position += len(part)
            offsets = [TopicPartition(ORDERS.name, 0, position)]
            producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), TIMEOUT)
            producer.commit_transaction(TIMEOUT)
            progress(position, total)
        return Published(total, position - done, commands)
    finally:
        consumer.close()


def sent(settings: Settings, run: Run) -> int:
    """How many messages of a run are on the exchange."""
    consumer = Consumer(consumer_config(settings, _name(run)))
    try:
        return committed(consumer)
    finally:
        consumer.close()


def _name(run: Run) -> str:
    return f"history-{run.identity}"


def _all_messages(files: list[DayFiles], batches: list[int], skip: int) -> Iterator[Message]:
    for day, count in zip(files, batches, strict=True):
        if skip < count:
            yield from islice(chain(labels(day.truth), messages(day.commands)), skip, None)
        skip = max(0, skip - count)


def _produce(producer: Producer, message: Message) -> None:
    while True:
        try:
            producer.produce(message.topic.name, key=message.symbol, value=message.encode())
            return
        except BufferError:  # the local queue is full: let it drain
            producer.poll(0.1)


def _check(settings: Settings, run: Run, files: list[DayFiles], batches: list[int], done: int) -> None:
    """The exchange must stand exactly where the run begins, or where its publisher was interrupted."""
    now = market_time(settings)
    before = None if run.after is None else run.after.trading_days()[-1].end
    for number in reversed(range(done)):
        last = next(_all_messages(files, batches, number))
        if last.topic is ORDERS:
            before = last.event_time
            break
    if now == before:
        return
    raise WrongExchangeError(
        f"the exchange's market time is {told(now)}, but this run goes on from {told(before)}. "
        "A history starts on a new exchange, or right after a history that ended on it, before any live trading. "
        "Start a new one (`tickhouse down`, then another TICKHOUSE_HOME, or remove the old), or go on live."
    )


def told(micros: int | None) -> str:
    """A market time for people."""
    if micros is None:
        return "a new exchange"
    return f"{dt.datetime.fromtimestamp(micros / 1_000_000, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
