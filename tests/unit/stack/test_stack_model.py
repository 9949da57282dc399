"""Names, aliases and needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.model import Server, Step, UnknownNameError, select
from stack.services import services
from stack.settings import StackSettings

NODES = {
    node.name: node
    for node in (
        Server("base", ("true",)),
        Server("a-1", ("true",), needs=("base",), alias="a"),
        Server("a-2", ("true",), needs=("a-1",), alias="a"),
        Step("step", lambda: None, needs=("a",)),
        Server("top", ("true",), needs=("step",), trades=True),
    )
}


def names(*wanted: str) -> list[str]:
    return [node.name for node in select(NODES, list(wanted))]


def test_a_server_comes_with_what_it_needs_first() -> None:
    assert names("top") == ["base", "a-1", "a-2", "step", "top"]


def test_an_alias_stands_for_all_of_its_servers() -> None:
    assert names("a") == ["base", "a-1", "a-2"]


def test_without_names_everything_is_meant() -> None:
    assert names() == list(NODES)


def test_an_unknown_name_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UnknownNameError, match="there is no 'b'; there are: a, base, step, top"):
        names("b")


def test_every_need_of_the_stack_is_there_with_and_without_servers_of_ones_own(tmp_path: Path) -> None:
    local = StackSettings(home=tmp_path)
    given = local.model_copy(
        update={
            "postgres_url": "postgresql://u:p@db:5432",
            "kafka_bootstrap": "kafka:9092",
            "flink_url": "http://flink:8081",
            "trino_url": "http://trino:8080",
            "superset_url": "http://superset:8088",
            "dagster_url": "http://dagster:3000",
        }
    )
    for settings in (local, given):
        nodes = services(settings)
        assert len(select(nodes, [])) == len(nodes)
    assert not any(name in services(given) for name in ("flink-jobmanager", "superset-server", "dagster-daemon"))


def test_the_number_of_trader_processes_is_a_setting(tmp_path: Path) -> None:
    nodes = services(StackSettings(home=tmp_path, buyers=3, sellers=1))
    assert [name for name in nodes if name.startswith(("buyers", "sellers"))] == [
        "buyers-0",
        "buyers-1",
        "buyers-2",
        "sellers-0",
    ]
