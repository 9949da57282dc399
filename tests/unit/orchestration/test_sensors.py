"""What the sensors report, given what the systems answer; and that they wait where nobody answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest
from confluent_kafka import KafkaException
from dagster import AssetMaterialization, DagsterInstance, SensorResult, SkipReason, build_sensor_context

from lakehouse.progress import TableState
from orchestration.defs.flink import sensors as flink
from orchestration.defs.kafka import sensors as kafka
from orchestration.defs.kafka.progress import TopicProgress
from orchestration.defs.lakehouse import sensors as lake
from orchestration.defs.postgres import sensors as postgres


def ask(sensor: Any, cursor: str | None = None) -> SensorResult | SkipReason:
    with DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("trading_days", ["2026-01-05"])
        answer: SensorResult | SkipReason = sensor(build_sensor_context(instance, cursor=cursor))
    return answer


def told(answer: SensorResult | SkipReason) -> dict[str, dict[str, Any]]:
    assert isinstance(answer, SensorResult)
    events = [event for event in answer.asset_events if isinstance(event, AssetMaterialization)]
    return {event.asset_key.to_user_string(): {k: v.value for k, v in event.metadata.items()} for event in events}


def answers(monkeypatch: pytest.MonkeyPatch, target: str, answer: Any) -> None:
    def give(*_: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(target, give)


def test_a_topic_that_grew_is_told_with_the_lag_of_its_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    progress = {"trades": TopicProgress({0: 10, 1: 5}, {"settlement": 3}), "alerts": TopicProgress({0: 0}, {})}
    answers(monkeypatch, "orchestration.defs.kafka.progress.topic_progress", progress)
    first = ask(kafka.kafka_progress)
    assert told(first) == {
        "kafka/trades": {"end_offset": 15, "end_offset/0": 10, "end_offset/1": 5, "lag/settlement": 3}
    }
    assert isinstance(first, SensorResult)
    assert told(ask(kafka.kafka_progress, first.cursor)) == {}


def test_a_table_with_a_new_snapshot_is_told_with_rows_and_files(monkeypatch: pytest.MonkeyPatch) -> None:
    states = [
        TableState("market.trades", 42, datetime(2026, 11, 23, 21, 0, tzinfo=UTC), 1000, 7, 12345),
        TableState("market.alerts", None, None, 0, 0, 0),
    ]
    answers(monkeypatch, "lakehouse.progress.table_states", states)
    answers(monkeypatch, "lakehouse.progress.days_held", ["2026-01-05", "2026-01-06"])
    answer = ask(lake.lake_progress)
    assert isinstance(answer, SensorResult)
    assert [list(asked.partition_keys) for asked in answer.dynamic_partitions_requests or []] == [["2026-01-06"]]
    assert told(answer) == {
        "market/trades": {
            "dagster/row_count": 1000,
            "snapshot_id": "42",
            "committed": "2026-11-23 21:00:00 UTC",
            "files": 7,
            "bytes": 12345,
        }
    }


def test_a_job_is_told_when_it_has_completed_a_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    job = {"job_id": "a1", "state": "RUNNING", "checkpoints": 3, "failed_checkpoints": 0, "restored": 1}
    answers(monkeypatch, "orchestration.defs.flink.sensors.job_states", {"tickhouse-raw": job})
    first = ask(flink.flink_progress)
    assert told(first) == {"flink/raw": job}
    assert isinstance(first, SensorResult)
    assert told(ask(flink.flink_progress, first.cursor)) == {}


def test_the_ledger_is_told_by_its_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    now = {"entries": 9, "updates": 12, "users": 0, "instruments": 0, "breaches": 1}
    answers(monkeypatch, "orchestration.defs.postgres.sensors.counters", now)
    found = told(ask(postgres.ledger_progress))
    assert set(found) == {"postgres/postings", "postgres/balances", "postgres/trades", "postgres/outbox"}
    assert found["postgres/outbox"] == {"updates": 12, "breaches": 1}


@pytest.mark.parametrize(
    ("sensor", "target", "error"),
    [
        (kafka.kafka_progress, "orchestration.defs.kafka.progress.topic_progress", KafkaException("down")),
        (flink.flink_progress, "orchestration.defs.flink.sensors.job_states", httpx.ConnectError("down")),
        (postgres.ledger_progress, "orchestration.defs.postgres.sensors.counters", psycopg.OperationalError("down")),
    ],
    ids=["kafka", "flink", "postgres"],
)
def test_who_does_not_answer_is_asked_again_later(
    monkeypatch: pytest.MonkeyPatch, sensor: Any, target: str, error: Exception
) -> None:
    answers(monkeypatch, target, error)
    assert isinstance(ask(sensor), SkipReason)
