"""Where the market stands, from what Kafka holds."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec
from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, Message, TopicPartition
from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from streaming.contracts.kafka import consumer_config
from streaming.contracts.settings import Settings
from streaming.contracts.topics import ORDERS, Topic

TIMEOUT = 30.0
TAIL = 400
"""Offsets from the end of a partition that are looked at first; transactions' markers take some of them."""


class _Envelope(msgspec.Struct):
    event_time: int


_envelope = msgspec.json.Decoder(_Envelope)


def market_time(settings: Settings) -> int | None:
    """The latest market time on `orders`, in microseconds since the Unix epoch; None on a new exchange."""
    back = TAIL
    while True:
        times, whole = _latest(settings, back)
        if times or whole:
            return max(times, default=None)
        back *= 10


def _latest(settings: Settings, back: int) -> tuple[list[int], bool]:
    """Event times near the end of every partition, and whether that was all there is."""
    consumer = Consumer(consumer_config(settings, "market-time", enable_partition_eof=True))
    try:
        starts, whole = [], True
        for partition in partitions(consumer, ORDERS):
            low, high = consumer.get_watermark_offsets(partition, TIMEOUT)
            partition.offset = max(low, high - back)
            whole = whole and partition.offset == low
            starts.append(partition)
        times: list[int] = []
        for message in until_end(consumer, starts):
            try:
                times.append(_envelope.decode(message.value() or b"").event_time)
            except (msgspec.DecodeError, UnicodeDecodeError):  # a stranger's: the engine dead-letters it
                continue
        return times, whole
    finally:
        consumer.close()


def _settling(error: BaseException) -> bool:
    """Whether the brokers only need a moment to decide who keeps a group's offsets."""
    codes = (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE)
    return isinstance(error, KafkaException) and error.args[0].code() in codes


@retry(retry=retry_if_exception(_settling), stop=stop_after_delay(60), wait=wait_fixed(0.5), reraise=True)
def committed(consumer: Consumer) -> int:
    """The number that the consumer's group keeps as its offset on `orders`; 0 if it has none."""
    offset: int = consumer.committed([TopicPartition(ORDERS.name, 0)], TIMEOUT)[0].offset
    return max(offset, 0)  # negative: no such group yet


def partitions(consumer: Consumer, topic: Topic) -> list[TopicPartition]:
    """Every partition of a topic; KafkaException if the brokers do not answer or have no such topic."""
    metadata = consumer.list_topics(topic.name, TIMEOUT).topics[topic.name]
    if metadata.error is not None:
        raise KafkaException(metadata.error)
    return [TopicPartition(topic.name, number, OFFSET_INVALID) for number in sorted(metadata.partitions)]


def until_end(consumer: Consumer, starts: list[TopicPartition]) -> Iterator[Message]:
    """What the partitions hold from `starts` to their present ends. The consumer needs `enable.partition.eof`.

    TimeoutError when the brokers fall silent.
    """
    consumer.assign(starts)
    open_ends = {(start.topic, start.partition) for start in starts}
    deadline = time.monotonic() + TIMEOUT
    while open_ends:
        for message in consumer.consume(500, 1.0):
            deadline = time.monotonic() + TIMEOUT
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                open_ends.discard((message.topic(), message.partition()))
            else:
                raise KafkaException(error)
        if time.monotonic() > deadline:
            raise TimeoutError(f"Kafka has been silent for {TIMEOUT:.0f} s; partitions {sorted(open_ends)}")
