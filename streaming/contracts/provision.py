"""Creates the topics. Run it as often as you like: `python -m streaming.contracts.provision`."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from streaming.contracts.kafka import partition_of
from streaming.contracts.reference import instruments
from streaming.contracts.settings import Settings, settings
from streaming.contracts.topics import TOPICS, Topic

LARGEST_MESSAGE = 5_000_000
"""Bytes: a dead letter is larger than the message that it holds, and that may have a producer's default of 1 MB."""
TIMEOUT = 30.0
"""Seconds to wait for the brokers."""


class TopicMismatchError(RuntimeError):
    """A topic stands with another number of partitions than the settings ask for."""


def create_topics(settings: Settings) -> None:
    """Create what is missing of `TOPICS`.

    ValueError if a partition would hold no symbol, TopicMismatchError if a topic has other partitions already (its keys
    would move and lose their order), KafkaException if the brokers cannot be reached or refuse.
    """
    check_partitions(settings.kafka_partitions)
    admin = AdminClient({"bootstrap.servers": settings.kafka})
    existing = admin.list_topics(timeout=TIMEOUT).topics
    missing = [_new_topic(topic, settings) for topic in TOPICS if topic.name not in existing]
    for created in admin.create_topics(missing, operation_timeout=TIMEOUT).values() if missing else ():
        try:
            created.result(TIMEOUT)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # another process was faster
                raise
    for topic in TOPICS:
        wanted = partitions(topic, settings)
        if topic.name in existing and len(existing[topic.name].partitions) != wanted:
            found = len(existing[topic.name].partitions)
            raise TopicMismatchError(
                f"topic {topic.name} has {found} partitions, TICKHOUSE_KAFKA_PARTITIONS asks for {wanted}"
            )


def partitions(topic: Topic, settings: Settings) -> int:
    """How many partitions a topic has: dead letters are few and are read in order."""
    return 1 if topic.key == "topic" else settings.kafka_partitions


def check_partitions(count: int) -> None:
    """ValueError unless every partition gets a symbol: one that stays empty would hold back Flink's watermarks."""
    empty = set(range(count)) - {partition_of(instrument.symbol, count) for instrument in instruments()}
    if empty:
        raise ValueError(
            f"TICKHOUSE_KAFKA_PARTITIONS is {count}, but no instrument falls on partition {min(empty)}: "
            f"allowed is a number that leaves none of them empty, such as {_largest_full(count)}"
        )


def _largest_full(below: int) -> int:
    symbols = [instrument.symbol for instrument in instruments()]
    return next(n for n in range(below, 0, -1) if len({partition_of(symbol, n) for symbol in symbols}) == n)


def _new_topic(topic: Topic, settings: Settings) -> NewTopic:
    return NewTopic(
        topic.name,
        num_partitions=partitions(topic, settings),
        replication_factor=-1,  # the brokers' own default: 1 on one machine, more on a cluster
        config={
            "retention.ms": str(settings.kafka_retention_hours * 3_600_000),
            "cleanup.policy": "delete",
            "max.message.bytes": str(LARGEST_MESSAGE),
        },
    )


if __name__ == "__main__":
    create_topics(settings())
