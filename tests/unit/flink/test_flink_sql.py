"""The SQL of the pipelines says what the contracts and the tables say."""

from __future__ import annotations

import re
from typing import Any, get_args, get_origin

import pytest

from lakehouse.schemas import base_type, columns, struct_columns
from lakehouse.tables import TABLES
from streaming.contracts.settings import Settings
from streaming.contracts.topics import TOPICS, Topic
from streaming.flink import pipelines
from streaming.flink.submit import JOBS, sql_values

FILES = [file for folder in JOBS.values() for file in pipelines.files(folder)]
TYPES = {int: "BIGINT", str: "STRING", float: "DOUBLE", bytes: "BYTES", bool: "BOOLEAN"}
BY_NAME = {topic.name: topic for topic in TOPICS}


def sources() -> list[tuple[str, Topic, str]]:
    """(file, topic, CREATE TABLE statement) of every Kafka table."""
    found = []
    for file in FILES:
        for statement in re.findall(r"CREATE TEMPORARY TABLE.*?;\n", file.read_text(), re.DOTALL):
            topic = re.search(r"'topic' = '([^']+)'", statement)
            assert topic
            found.append((f"{file.parent.name}/{file.name}", BY_NAME[topic[1]], statement))
    return found


def sql_type(hint: Any) -> str:
    if get_origin(hint) is list:
        (struct,) = get_args(hint)
        if struct in TYPES:
            return f"ARRAY<{TYPES[struct]}>"
        fields = ", ".join(f"`{column.name}` {sql_type(column.type)}" for column in struct_columns(struct))
        return f"ARRAY<ROW<{fields}>>"
    return TYPES[base_type(hint)]


def declared(statement: str) -> dict[str, str]:
    """The fields of `items` in a CREATE TABLE, with their types."""
    items = re.search(r"`items` ARRAY<ROW<\n(.*?)\n    >>", statement, re.DOTALL)
    assert items
    in_one_line = re.sub(r"\n {12}", " ", items[1]).replace("\n        >", ">").replace("< ", "<")
    return dict(re.findall(r"^ {8}`(\w+)` (.*?),?$", in_one_line, re.MULTILINE))


@pytest.mark.parametrize(
    ("file", "topic", "statement"), sources(), ids=lambda value: value if type(value) is str else ""
)
def test_a_kafka_table_declares_the_fields_of_its_contract(file: str, topic: Topic, statement: str) -> None:
    expected = {column.name: sql_type(column.type) for column in columns(topic.item)}
    found = declared(statement)
    if "sink.delivery-guarantee" in statement:
        assert found.pop("event") == "STRING"
    assert found == expected
    assert f"`{topic.key}` {'BIGINT' if topic.key == 'trader_id' else 'STRING'}" in statement


@pytest.mark.parametrize(
    ("file", "topic", "statement"), sources(), ids=lambda value: value if type(value) is str else ""
)
def test_nothing_is_read_uncommitted_dropped_or_written_twice(file: str, topic: Topic, statement: str) -> None:
    if "sink.delivery-guarantee" in statement:
        assert "'sink.delivery-guarantee' = 'exactly-once'" in statement
        assert "'sink.transactional-id-prefix'" in statement
    else:
        assert "'properties.isolation.level' = 'read_committed'" in statement
        assert "'json.ignore-parse-errors' = 'false'" in statement
        assert "'scan.startup.mode' = 'earliest-offset'" in statement
    assert "idle" not in statement


@pytest.mark.parametrize("table", [table for table in TABLES if table.topic], ids=lambda table: table.name)
def test_a_raw_pipeline_selects_the_columns_of_its_table_in_order(table: Any) -> None:
    text = (pipelines.SQL / "raw" / f"{table.name}.sql").read_text()
    select = text[text.index(f"INSERT INTO lake.{table.identifier} (") : text.index("CROSS JOIN")]
    selected = list(dict.fromkeys(re.findall(r"(?:item|envelope)\.`(\w+)`", select)))
    assert selected == [field.name for field in table.schema.fields]


def test_every_table_is_written_by_one_job() -> None:
    written = [table for folder in JOBS.values() for table in pipelines.tables_written(folder)]
    assert sorted(written) == sorted(table.identifier for table in TABLES)


def test_every_placeholder_has_a_value(tmp_path: Any) -> None:
    values = sql_values(Settings(home=tmp_path))
    for file in (pipelines.SQL / "catalog.sql", *FILES):
        assert list(pipelines.statements(file.read_text(), values))


def test_statements_drop_comments_and_quote_values() -> None:
    text = "-- a; comment\nCREATE x WITH ('a' = '${name}');\n\nINSERT INTO y\nSELECT 1;\n"
    assert list(pipelines.statements(text, {"name": "it's"})) == [
        "CREATE x WITH ('a' = 'it''s')",
        "INSERT INTO y\nSELECT 1",
    ]


def test_an_unknown_placeholder_is_an_error() -> None:
    with pytest.raises(KeyError):
        list(pipelines.statements("SELECT '${nobody}';\n", {}))
