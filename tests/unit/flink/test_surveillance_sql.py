"""The surveillance job as files: every rule of the contract has one, none reads the labels, alerts stay bounded."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from streaming.contracts.events import AbuseKind, Rule
from streaming.contracts.settings import PROJECT
from streaming.flink import pipelines

FILES = {file.name: file.read_text(encoding="utf-8") for file in pipelines.files("surveillance")}
RULES = [rule for rule in get_args(Rule) if rule != "price_move"]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_a_file_of_its_own_that_makes_its_view(rule: str) -> None:
    (text,) = [text for name, text in FILES.items() if name.endswith(f"_{rule}.sql")]
    view = text[text.index(f"CREATE TEMPORARY VIEW {rule} AS\n") :]
    assert f"'{rule}' AS `rule`" in view
    columns = re.findall(r"(?:AS |    (?:\w+\.)?)`(\w+)`,?$", view[: view.index("\nFROM ")], re.MULTILINE)
    assert columns == [
        "rule", "symbol", "trader_ids", "order_ids", "begin", "end", "score", "threshold", "price", "event_time",
    ]  # fmt: skip


def test_every_view_of_a_rule_is_in_the_one_insert() -> None:
    text = FILES["99_alerts.sql"]
    assert re.findall(r"^SELECT \* FROM (\w+)", text, re.MULTILINE) == RULES
    assert [name for name, sql in FILES.items() if "INSERT INTO" in sql] == ["99_alerts.sql"]
    assert "ARRAY_SLICE(`order_ids`, 1, 50)" in text


def test_no_rule_reads_the_labels() -> None:
    for folder in ("surveillance", "analytics"):
        for file in pipelines.files(folder):
            assert "ground" not in file.read_text(encoding="utf-8"), file.name


def test_jobs_that_write_to_one_topic_name_their_transactions_apart() -> None:
    found = [
        prefix
        for file in pipelines.SQL.rglob("*.sql")
        for prefix in re.findall(r"'sink.transactional-id-prefix' = '([^']+)'", file.read_text(encoding="utf-8"))
    ]
    assert len(set(found)) == len(found) == 2


def test_every_rule_is_explained() -> None:
    page = (PROJECT / "docs" / "surveillance.md").read_text(encoding="utf-8")
    for rule in get_args(Rule):
        assert f"| `{rule}` |" in page
    assert set(get_args(AbuseKind)) <= set(get_args(Rule))


def test_a_rule_looks_at_one_symbol_alone() -> None:
    """So that `stack.surveillance` may put many markets through one job. An `account` is one of a symbol."""
    text = re.sub(r"^--.*$", "", "\n".join(FILES.values()), flags=re.MULTILINE)
    keys = re.findall(r"(?:PARTITION|GROUP) BY `(\w+)`", text)
    assert len(keys) == len(re.findall(r"(?:PARTITION|GROUP) BY", text))
    assert set(keys) == {"symbol", "account"}
    assert "`symbol` || '-' || CAST(`trader_id` AS STRING) AS `account`" in text
    joins = text.split(" JOIN ")[1:]
    assert all(re.match(r"UNNEST|\w+ AS \w+\s+ON\s+\w+\.`symbol` = \w+\.`symbol`", join) for join in joins)
