"""Topic `trades`, read from where the ledger says.

The offsets that count are PostgreSQL's, written in the transaction that posts. Kafka's own are never used, so a
partition that no longer holds the next offset is an error to stop at, never a reason to go on elsewhere.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streaming.contracts.kafka import consumer_config
from streaming.contracts.settings import Settings

GROUP = "settlement"
TIMEOUT = 30.0


class LostMessagesError(RuntimeError):
    """Kafka no longer, or not yet, holds the messages that come next."""


class Feed:
    """A consumer of one topic with its place kept elsewhere.

    Kafka may restart: the client reconnects by itself, and nothing comes in the meantime.
    """

    def __init__(self, settings: Settings, topic: str, log: Any) -> None:
        self.topic = topic
        configuration = consumer_config(settings, GROUP, auto_offset_reset="error")
        configuration["error_cb"] = lambda error: log.warning("kafka", problem=error.str())
        self._consumer = Consumer(configuration)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._consumer.close()

    def go_to(self, offsets: dict[int, int]) -> None:
        """Read every partition from its offset, from 0 where there is none.

        LostMessagesError where Kafka does not hold that offset; KafkaException where it cannot be asked.
        """
        listed = self._consumer.list_topics(self.topic, timeout=TIMEOUT).topics[self.topic]
        if listed.error is not None:
            raise KafkaException(listed.error)
        places = [
            TopicPartition(self.topic, partition, offsets.get(partition, 0)) for partition in sorted(listed.partitions)
        ]
        gone = set(offsets) - set(listed.partitions)
        if gone:
            raise LostMessagesError(f"topic {self.topic} has no partition {min(gone)}, of which trades were settled")
        for place in places:
            low, high = self._consumer.get_watermark_offsets(place, timeout=TIMEOUT)
            if not low <= place.offset <= high:
                raise LostMessagesError(_lost(place, f"Kafka holds {low} to {high}"))
        self._consumer.assign(places)

    def read(self, most: int, wait: float) -> list[Message]:
        """Up to `most` messages; none after `wait` seconds without any."""
        first = self._consumer.poll(wait)
        if first is None:
            return []
        messages = [first, *self._consumer.consume(most - 1, timeout=0.01)] if most > 1 else [first]
        return [message for message in messages if self._is_message(message)]

    def lag(self) -> int:
        """How many messages are still to be read, as far as the client knows; markers of transactions included."""
        total = 0
        for place in self._consumer.position(self._consumer.assignment()):
            _, high = self._consumer.get_watermark_offsets(place, cached=True)
            total += max(0, high - max(place.offset, 0))
        return total

    def _is_message(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            place = TopicPartition(message.topic(), message.partition(), message.offset())
            raise LostMessagesError(_lost(place, error.str()))
        if error.retriable() or error.code() in _PASSING:
            return False
        raise KafkaException(error)


_PASSING = {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError.UNKNOWN_TOPIC_OR_PART}


def _lost(place: TopicPartition, why: str) -> str:
    return (
        f"the next trade to settle is at offset {place.offset} of {place.topic}-{place.partition}, but {why}: "
        "the books would miss trades. Restore Kafka's data, or start both Kafka and the ledger anew"
    )
