"""Finds the relay's place again from what is in the topic itself."""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streaming.contracts.kafka import consumer_config
from streaming.contracts.settings import Settings

ID_HEADER = "outbox-id"
"""Header of every message of the relay: the outbox id of its last item."""
TIMEOUT = 30.0


def last_in_topic(settings: Settings, topic: str) -> int:
    """The largest outbox id among a topic's committed messages, 0 if there are none.

    Reads the whole topic: for the rare case that Kafka has forgotten the consumer group's offset.
    """
    consumer = Consumer(consumer_config(settings, "settlement-relay-search", enable_partition_eof=True))
    try:
        listed = consumer.list_topics(topic, timeout=TIMEOUT).topics[topic]
        if listed.error is not None:
            raise KafkaException(listed.error)
        unread = set(listed.partitions)
        places = []
        for partition in unread:
            low, _ = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=TIMEOUT)
            places.append(TopicPartition(topic, partition, low))
        consumer.assign(places)
        largest = 0
        while unread:
            for message in consumer.consume(1_000, timeout=0.1):
                if message.error() is not None:
                    if message.error().name() != "_PARTITION_EOF":
                        raise KafkaException(message.error())
                    unread.discard(message.partition())
                    continue
                ids = [int(value) for name, value in message.headers() or [] if name == ID_HEADER]
                largest = max([largest, *ids])
        return largest
    finally:
        consumer.close()
