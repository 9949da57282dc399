"""What the doctor finds, and what it says to do."""

from __future__ import annotations

import socket
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack import doctor
from stack.servers import postgres
from stack.settings import StackSettings
from stack.setup import artefacts, jdk
from stack.setup.lock import locked
from stack.starting import StartError, check_disk, check_ports

Memory = namedtuple("Memory", "available")


@pytest.fixture
def settings(tmp_path: Path) -> StackSettings:
    """The real cache, so that nothing is missing, and a home of its own."""
    return StackSettings(home=tmp_path, port_offset=20_000)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def words(settings: StackSettings) -> str:
    return "\n".join(f"{found.what}: {found.advice}" for found in doctor.findings(settings))


def test_an_empty_cache_misses_everything_and_setup_is_the_advice(settings: StackSettings, tmp_path: Path) -> None:
    told = words(
        settings.model_copy(
            update={"cache": tmp_path / "empty", "flink_url": "http://flink:8081", "kafka_bootstrap": "kafka:9092"}
        )
    )
    for what in (
        "environment `flink` is missing",
        "kafka_2.13:jar:4.4.0 is missing",
        "Trino is not",
        "no Java for flink",
    ):
        assert what in told
    assert "tickhouse setup" in told


def test_a_taken_port_is_found_with_who_took_it(settings: StackSettings, taken: int) -> None:
    moved = settings.model_copy(update={"port_offset": taken - 15432})
    assert f"port {taken} of postgres is taken by" in words(moved)
    with pytest.raises(StartError, match=rf"port {taken} is taken by .* \(pid \d+\); set TICKHOUSE_PORT_OFFSET"):
        check_ports(postgres.server(moved))


def test_little_memory_and_disk_are_found(settings: StackSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: Memory(2**30))
    told = words(settings.model_copy(update={"least_disk": 10**9}))
    assert "1024 MiB of memory are free, the whole stack takes 8192" in told
    assert "TICKHOUSE_HOME" in told
    assert "TICKHOUSE_CACHE" in told


def test_a_disk_that_is_nearly_full_stops_the_start(settings: StackSettings) -> None:
    with pytest.raises(StartError, match="MiB free; at least 1000000000 MiB are asked for"):
        check_disk(settings.model_copy(update={"least_disk": 10**9}))


def test_a_damaged_artefact_is_found_by_its_sum(settings: StackSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artefacts, "sha256", lambda path: "0" * 64)
    monkeypatch.setattr(artefacts, "missing", lambda wanted, settings: locked()[1:])
    assert f"{locked()[0].coordinate} is damaged: its sha256 is not the locked one" in words(settings)


def test_a_missing_java_for_spark_is_found(settings: StackSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jdk, "_installed", lambda: iter(()))
    assert "no Java for spark: Spark needs a full JDK 17 or 21" in words(settings)
