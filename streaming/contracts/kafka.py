"""How every producer and consumer of the platform talks to Kafka, whichever library it uses."""

from __future__ import annotations

from typing import Any

from streaming.contracts.settings import Settings

PARTITIONER = "murmur2_random"
"""The Java client's: a key lands on the same partition from Python, Flink and Kafka's own tools."""


def producer_config(settings: Settings, **more: Any) -> dict[str, Any]:
    """librdkafka's settings for a producer that neither loses nor doubles nor reorders; `more` has the last word.

    Keyword names are librdkafka's with underscores for dots: `transactional_id="history"`.
    """
    return {
        "bootstrap.servers": settings.kafka,
        "partitioner": PARTITIONER,
        "enable.idempotence": True,
        "acks": "all",
        "compression.type": "lz4",
        "linger.ms": 5,
        **_dotted(more),
    }


def consumer_config(settings: Settings, group: str, **more: Any) -> dict[str, Any]:
    """librdkafka's settings for a consumer that sees committed messages only, from the first, and commits itself."""
    return {
        "bootstrap.servers": settings.kafka,
        "group.id": group,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        **_dotted(more),
    }


def _dotted(more: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("_", "."): value for name, value in more.items()}


def partition_of(key: str, partitions: int) -> int:
    """The partition that `PARTITIONER` puts a key on.

    Source: org.apache.kafka.common.utils.Utils.murmur2 (Austin Appleby's MurmurHash2, seed 0x9747b28c).
    """
    data, mask, magic = key.encode(), 0xFFFFFFFF, 0x5BD1E995
    value = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * magic & mask
        word = (word ^ word >> 24) * magic & mask
        value = value * magic & mask ^ word
    if whole < len(data):
        value = (value ^ int.from_bytes(data[whole:], "little")) * magic & mask
    value = (value ^ value >> 13) * magic & mask
    return ((value ^ value >> 15) & 0x7FFFFFFF) % partitions
