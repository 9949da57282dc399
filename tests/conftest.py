"""What tests share: real servers on ports of their own, always torn down; markers by folder."""

from __future__ import annotations

import os
import random
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from stack.settings import StackSettings, stack_settings
from stack.supervisor import down, up
from streaming.contracts.settings import PORTS, settings

# How long an example takes says something of the machine, and nothing of the code.
hypothesis.settings.register_profile("tickhouse", deadline=None)
hypothesis.settings.load_profile("tickhouse")

HERE = Path(__file__).parent
FreshStack = Callable[..., StackSettings]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in `integration/` and `e2e/` carries that marker."""
    for item in items:
        folder = item.path.relative_to(HERE).parts[0]
        if folder in ("integration", "e2e"):
            item.add_marker(folder)


def free_port_offset() -> int:
    """An offset at which every port of a stack is free, chosen at random so that runs side by side do not meet."""
    for _ in range(100):
        offset = random.randrange(2_000, 12_000, 10)  # below the kernel's range for outgoing connections
        if all(_is_free(port + offset) for port in PORTS.values()):
            return offset
    raise RuntimeError("no free range of ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@pytest.fixture(scope="module")
def fresh_stack() -> Iterator[FreshStack]:
    """`fresh_stack("postgres", "kafka", service_memory="512")`: the settings of a new stack with these servers up.

    Without names nothing is started. Keywords are settings; the process's own environment names the stack made last.
    """
    made: list[StackSettings] = []
    before = {name: value for name, value in os.environ.items() if name.startswith("TICKHOUSE_")}

    def make(*names: str, **more: str) -> StackSettings:
        home = Path(tempfile.mkdtemp(prefix="tickhouse-test-"))
        os.environ["TICKHOUSE_HOME"] = str(home)
        os.environ["TICKHOUSE_PORT_OFFSET"] = str(free_port_offset())
        os.environ.update({f"TICKHOUSE_{name.upper()}": value for name, value in more.items()})
        _forget()
        found = StackSettings()
        made.append(found)
        if names:
            up(found, list(names))
        return found

    try:
        yield make
    finally:
        _end_spark()
        for stack in made:
            down(stack)
            if not os.environ.get("TICKHOUSE_KEEP"):
                shutil.rmtree(stack.home, ignore_errors=True)
        for name in [name for name in os.environ if name.startswith("TICKHOUSE_")]:
            del os.environ[name]
        os.environ.update(before)
        _forget()


def _end_spark() -> None:
    """End this process's JVM, if Spark ran here: it outlives its sessions, with its folder within the stack's home."""
    pyspark = sys.modules.get("pyspark")
    if pyspark is None or (gateway := pyspark.SparkContext._gateway) is None:
        return
    if session := sys.modules["pyspark.sql"].SparkSession._instantiatedSession:
        session.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()  # which tells the JVM to go
    gateway.proc.wait(timeout=60)
    pyspark.SparkContext._gateway = pyspark.SparkContext._jvm = None


def _forget() -> None:
    settings.cache_clear()
    stack_settings.cache_clear()
