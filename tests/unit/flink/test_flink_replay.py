"""A job's SQL over files: the same statements, on other connectors."""

from __future__ import annotations

from pathlib import Path

import pytest

from streaming.flink.pipelines import files, statements
from streaming.flink.replay import over_files

FOLDER = Path("/somewhere")
SURVEILLANCE = [
    statement for file in files("surveillance") for statement in statements(file.read_text("utf-8"), {"kafka": "k"})
]


def changed() -> list[tuple[str, str]]:
    pairs = [(statement, over_files(statement, FOLDER)) for statement in SURVEILLANCE]
    return [(before, after) for before, after in pairs if before != after]


def test_only_the_tables_on_topics_are_changed_and_only_their_connectors() -> None:
    tables = [statement for statement in SURVEILLANCE if "'connector'" in statement]
    assert [before for before, _ in changed()] == tables
    assert len(tables) == 4
    for before, after in changed():
        columns = before.split("\n) WITH (")[0]
        assert after.startswith(columns)
        assert "kafka" not in after


@pytest.mark.parametrize(
    ("table", "path"),
    [
        ("order_events_topic", "/somewhere/order-events.jsonl"),
        ("trades_topic", "/somewhere/trades.jsonl"),
        ("prices_topic", "/somewhere/prices.jsonl"),
        ("alerts_topic", "/somewhere/alerts"),
    ],
)
def test_a_topic_is_read_from_a_file_and_written_to_a_folder(table: str, path: str) -> None:
    after = next(after for _, after in changed() if f"CREATE TEMPORARY TABLE {table} " in after)
    assert after.endswith(f") WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'json')")
