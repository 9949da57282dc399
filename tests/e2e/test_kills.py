"""`kill -9` during a history run, of the engine, settlement and a Flink task manager: nothing is lost or doubled."""

import datetime as dt
import os
import signal
import threading
import time
from collections.abc import Callable

import psycopg
import pytest

from lakehouse.progress import table_states
from orchestration.reconciliation import reconcile
from simulators.differential import Report, differential
from simulators.history import generate
from simulators.publish import publish
from simulators.runs import Run, make_run
from stack.settings import StackSettings
from stack.supervisor import status

SERVERS = ("postgres", "kafka", "flink", "engine", "settlement", "relay", "flink-jobs")
RUN: Run = make_run(seed=11, days=1, end=dt.date(2026, 11, 20), orders_per_day=8_000)


@pytest.fixture(scope="module")
def stack(fresh_stack: Callable[..., StackSettings]) -> StackSettings:
    return fresh_stack(*SERVERS, checkpoint_seconds="2")


def pid_of(settings: StackSettings, name: str) -> int:
    pid = next(line.pid for line in status(settings) if line.name == name)
    assert pid
    return pid


def settled(settings: StackSettings) -> int:
    with psycopg.connect(settings.postgres()) as connection:
        row = connection.execute("select count(*) from ledger.trades").fetchone()
    assert row
    return int(row[0])


def in_the_lake(settings: StackSettings) -> int:
    return next(state.rows for state in table_states(settings) if state.table == "market.trades")


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.05)


def kill(settings: StackSettings, name: str) -> None:
    before = pid_of(settings, name)
    os.kill(before, signal.SIGKILL)
    until(lambda: any(line.name == name and line.pid not in (None, before) for line in status(settings)))


@pytest.fixture(scope="module")
def report(stack: StackSettings) -> Report:
    """The run, published while the three are killed one after the other, each with work left to do."""
    generate(stack.home, RUN)
    outcome: list[Report] = []
    seen: list[int] = []
    watcher = threading.Thread(
        target=lambda: outcome.append(
            differential(stack, RUN, lambda done, total: seen.append(total - done), patience=120)
        ),
        daemon=True,
    )
    publisher = threading.Thread(target=publish, args=(stack, RUN), daemon=True)
    watcher.start()
    publisher.start()
    until(lambda: bool(seen))
    left = seen[-1]
    kill(stack, "engine")
    until(lambda: settled(stack) > 0)
    posted = settled(stack)
    kill(stack, "settlement")
    until(lambda: in_the_lake(stack) > 0)
    written = in_the_lake(stack)
    kill(stack, "flink-taskmanager")
    publisher.join()
    watcher.join()
    assert left > 0, "the engine had finished before it was killed"
    assert posted < outcome[0].trades, "settlement had finished before it was killed"
    assert written < outcome[0].trades, "Flink had finished before it was killed"
    return outcome[0]


def test_the_exchange_did_exactly_what_the_shadow_market_did(report: Report) -> None:
    assert report.agrees, report.first_difference


def test_kafka_iceberg_and_postgresql_agree_to_the_last_share_and_cent(stack: StackSettings, report: Report) -> None:
    result = reconcile(stack, patience=300)
    assert result.passed, [check for check in result.checks if not check.passed]
    assert settled(stack) == in_the_lake(stack) == report.trades
