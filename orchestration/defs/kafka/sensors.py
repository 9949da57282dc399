"""Tells Dagster what came onto the topics."""

from __future__ import annotations

from dagster import DefaultSensorStatus, SensorEvaluationContext, SensorResult, SkipReason, sensor

from orchestration.changes import changed
from orchestration.defs.kafka.assets import key
from orchestration.external import wrote
from streaming.contracts.settings import settings
from streaming.contracts.topics import TOPICS


@sensor(
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description="Reports each topic that has grown: its end offsets, and the lag of every consumer group.",
)
def kafka_progress(context: SensorEvaluationContext) -> SensorResult | SkipReason:
    """One materialisation for each topic that has new messages."""
    from confluent_kafka import KafkaException

    from orchestration.defs.kafka.progress import topic_progress

    try:
        topics = topic_progress(settings())
    except KafkaException as error:
        return SkipReason(f"Kafka does not answer: {error}")
    names, cursor = changed(context.cursor, {name: found.end or None for name, found in topics.items()})
    return SensorResult(
        asset_events=[
            wrote(
                key(topic),
                {
                    "end_offset": topics[topic.name].end,
                    **{f"end_offset/{number}": end for number, end in sorted(topics[topic.name].ends.items())},
                    **{f"lag/{group}": behind for group, behind in sorted(topics[topic.name].lag.items())},
                },
            )
            for topic in TOPICS
            if topic.name in names
        ],
        cursor=cursor,
    )
