"""What Kafka says, decoded: one `Heard` a message."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streaming.contracts.codec import UNREADABLE
from streaming.contracts.commands import AnyCommand
from streaming.contracts.events import CorporateAction, MarketStatus, OrderEvent, Price, Trade
from streaming.contracts.kafka import consumer_config
from streaming.contracts.settings import Settings
from streaming.contracts.topics import (
    CORPORATE_ACTIONS,
    MARKET_STATUS,
    ORDER_EVENTS,
    ORDERS,
    PRICES,
    TRADES,
    Topic,
)

TIMEOUT = 30.0
TAIL = 400
"""Messages before the end that hold every symbol's latest price: each tick of the clock brings one of each."""

Item = TypeVar("Item")


class Envelope(msgspec.Struct, Generic[Item]):
    """The value of a message; `actions` are on `trades` only, and come after its items."""

    symbol: str
    event_time: int
    items: list[Item]
    actions: list[CorporateAction] = []


DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    ORDERS.name: msgspec.json.Decoder(Envelope[AnyCommand]),
    ORDER_EVENTS.name: msgspec.json.Decoder(Envelope[OrderEvent]),
    TRADES.name: msgspec.json.Decoder(Envelope[Trade]),
    PRICES.name: msgspec.json.Decoder(Envelope[Price]),
    MARKET_STATUS.name: msgspec.json.Decoder(Envelope[MarketStatus]),
    CORPORATE_ACTIONS.name: msgspec.json.Decoder(Envelope[CorporateAction]),
}


@dataclass(frozen=True, slots=True)
class Heard:
    """A message: where it is, Kafka's timestamp in milliseconds, and what it says."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    said: Envelope[object]


class Feed:
    """Reads topics from given offsets on."""

    def __init__(self, settings: Settings, group: str) -> None:
        self._consumer = Consumer(consumer_config(settings, group, enable_partition_eof=True))
        self._behind: set[tuple[str, int]] = set()

    def close(self) -> None:
        """Leave Kafka."""
        self._consumer.close()

    def partitions(self, topic: Topic) -> list[int]:
        """The partitions of a topic; KafkaException if the brokers do not answer or have no such topic."""
        metadata = self._consumer.list_topics(topic.name, TIMEOUT).topics[topic.name]
        if metadata.error is not None:
            raise KafkaException(metadata.error)
        return sorted(metadata.partitions)

    def begin(self, topic: Topic) -> list[TopicPartition]:
        """The first offset that each partition still has."""
        return [TopicPartition(topic.name, number, self._bounds(topic, number)[0]) for number in self.partitions(topic)]

    def end(self, topic: Topic) -> list[TopicPartition]:
        """The offset after the last of each partition."""
        return [TopicPartition(topic.name, number, self._bounds(topic, number)[1]) for number in self.partitions(topic)]

    def tail(self, topic: Topic) -> list[TopicPartition]:
        """A little before the end of each partition."""
        starts = []
        for number in self.partitions(topic):
            low, high = self._bounds(topic, number)
            starts.append(TopicPartition(topic.name, number, max(low, high - TAIL)))
        return starts

    def since(self, topic: Topic, timestamp: int) -> list[TopicPartition]:
        """The first offset of each partition at or after Kafka's `timestamp` (milliseconds)."""
        asked = [TopicPartition(topic.name, number, timestamp) for number in self.partitions(topic)]
        found = self._consumer.offsets_for_times(asked, TIMEOUT)
        ends = {part.partition: part.offset for part in self.end(topic)}
        return [
            TopicPartition(topic.name, part.partition, part.offset if part.offset >= 0 else ends[part.partition])
            for part in found
        ]

    def assign(self, starts: list[TopicPartition]) -> None:
        """Read from these offsets on."""
        self._behind = {(start.topic, start.partition) for start in starts}
        self._consumer.assign(starts)

    @property
    def caught_up(self) -> bool:
        """Whether every partition has been read to what was its end at some moment since `assign`."""
        return not self._behind

    def read(self, seconds: float) -> Iterator[Heard]:
        """What comes within `seconds`. Strangers' unreadable messages are passed over: the engine dead-letters them."""
        for message in self._consumer.consume(500, seconds):
            if self._ends(message):
                continue
            topic = str(message.topic())
            try:
                said = DECODERS[topic].decode(message.value() or b"")
            except UNREADABLE:
                continue
            yield Heard(topic, message.partition() or 0, message.offset() or 0, message.timestamp()[1], said)

    def read_to_end(self, starts: list[TopicPartition]) -> Iterator[Heard]:
        """Everything from `starts` to the present ends."""
        self.assign(starts)
        while not self.caught_up:
            yield from self.read(1.0)
        self._consumer.unassign()  # a fetch that waits for more would keep every question after it waiting

    def _ends(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return False
        if error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        self._behind.discard((str(message.topic()), message.partition() or 0))
        return True

    def _bounds(self, topic: Topic, partition: int) -> tuple[int, int]:
        low, high = self._consumer.get_watermark_offsets(TopicPartition(topic.name, partition), TIMEOUT)
        return low, high
