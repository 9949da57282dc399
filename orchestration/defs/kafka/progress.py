"""How far each topic is, and how far behind it each consumer group."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from streaming.contracts.settings import Settings
from streaming.contracts.topics import TOPICS

TIMEOUT = 10
"""Seconds that Kafka gets to answer."""


@dataclass
class TopicProgress:
    """The end offset of each partition, and how many messages each consumer group has left to read.

    Offsets count transaction markers too. A group's lag is of what it has committed to Kafka.
    """

    ends: dict[int, int] = field(default_factory=dict)
    lag: dict[str, int] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """The sum of the end offsets."""
        return sum(self.ends.values())


def topic_progress(settings: Settings) -> dict[str, TopicProgress]:
    """Every topic of the contracts that exists; KafkaException where Kafka does not answer."""
    admin = AdminClient({"bootstrap.servers": settings.kafka, "socket.timeout.ms": TIMEOUT * 1000})
    known = admin.list_topics(timeout=TIMEOUT).topics
    partitions = [
        TopicPartition(topic.name, number)
        for topic in TOPICS
        if topic.name in known
        for number in known[topic.name].partitions
    ]
    found: dict[str, TopicProgress] = defaultdict(TopicProgress)
    for partition, end in admin.list_offsets({one: OffsetSpec.latest() for one in partitions}).items():
        found[partition.topic].ends[partition.partition] = end.result(TIMEOUT).offset
    groups = [group.group_id for group in admin.list_consumer_groups(request_timeout=TIMEOUT).result().valid]
    for group in groups:
        asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
        for done in asked[group].result(TIMEOUT).topic_partitions:
            if done.topic in found and done.offset >= 0:
                behind = found[done.topic].ends[done.partition] - done.offset
                found[done.topic].lag[group] = found[done.topic].lag.get(group, 0) + behind
    return dict(found)
