"""The stack on real servers: up, killed, refused, down."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from confluent_kafka.admin import AdminClient

from stack.processes import of_stack
from stack.servers import postgres
from stack.settings import StackSettings
from stack.supervisor import status, up
from stack.supervisord import Supervisor

TICKHOUSE = Path(sys.prefix) / "bin" / "tickhouse"


def tickhouse(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it, with the environment of the stack made last."""
    return subprocess.run([TICKHOUSE, *arguments], capture_output=True, text=True, timeout=300)


def pid(settings: StackSettings, name: str) -> int | None:
    return next(line.pid for line in status(settings) if line.name == name)


def eventually(what: Callable[[], Any], seconds: float = 180) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if found := what():
                return found
        except Exception:
            if time.monotonic() > deadline:
                raise
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.3)


@pytest.fixture(scope="module")
def stack(fresh_stack: Any) -> StackSettings:
    return fresh_stack("postgres", "kafka")


def test_servers_answer_and_status_tells_of_them(stack: StackSettings) -> None:
    with psycopg.connect(stack.postgres().rpartition("/")[0] + "/postgres") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    lines = {line.name: line for line in status(stack)}
    for name in ("postgres", "kafka"):
        assert lines[name].state == "running"
        assert lines[name].memory > 10**7
        assert lines[name].address.startswith("127.0.0.1:")
    assert lines["trino"].state == "stopped"


def test_postgres_lets_nobody_in_without_the_password(stack: StackSettings) -> None:
    url = f"postgresql://tickhouse:wrong@127.0.0.1:{stack.port('postgres')}/postgres"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url)


def test_up_again_changes_nothing(stack: StackSettings) -> None:
    before = pid(stack, "kafka"), pid(stack, "postgres")
    up(stack, ["postgres", "kafka"])
    assert (pid(stack, "kafka"), pid(stack, "postgres")) == before


def test_a_killed_server_comes_back(stack: StackSettings) -> None:
    for name in ("kafka", "postgres"):
        before = pid(stack, name)
        assert before
        os.kill(before, signal.SIGKILL)
        eventually(lambda name=name, before=before: pid(stack, name) not in (None, before))
    admin = AdminClient({"bootstrap.servers": stack.kafka, "log_level": 0})
    eventually(lambda: admin.list_topics(timeout=3).brokers)
    eventually(lambda: postgres.ready(stack) is None)


def test_a_taken_port_stops_the_start_and_only_that(stack: StackSettings) -> None:
    with socket.create_server(("127.0.0.1", stack.port("flink"))):
        done = tickhouse("up", "flink")
    assert done.returncode == 1
    assert f"port {stack.port('flink')} is taken by" in done.stderr
    assert pid(stack, "flink-jobmanager") is None
    assert pid(stack, "kafka"), "what ran before is left alone"


def test_after_supervisord_was_killed_down_still_leaves_nothing(stack: StackSettings) -> None:
    os.kill(Supervisor(stack).getPID(), signal.SIGKILL)
    assert len(of_stack(stack)) >= 2
    assert tickhouse("down").returncode == 0
    assert of_stack(stack) == []


def test_a_server_that_dies_while_starting_says_why_and_leaves_nothing(stack: StackSettings) -> None:
    broken = stack.home / "kafka" / "data" / "meta.properties"
    whole = broken.read_text()
    broken.write_text(whole.replace("node.id=1", "node.id=2"))
    try:
        done = tickhouse("up", "kafka")
    finally:
        broken.write_text(whole)
    assert done.returncode == 1
    assert "kafka did not start: it died while starting" in done.stderr
    assert "Stored node id 2 doesn't match previous node id 1" in done.stderr
    assert f"Its log: {stack.home}/logs/kafka.log" in done.stderr
    assert of_stack(stack) == []


def test_ctrl_c_stops_what_was_starting(stack: StackSettings) -> None:
    process = subprocess.Popen([TICKHOUSE, "up", "kafka"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    eventually(lambda: pid(stack, "kafka"))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Stopped." in errors
    assert of_stack(stack) == []
