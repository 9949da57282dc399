"""What is built is seen when its audit has passed, and not before: on the real catalog."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from lakehouse.catalog import catalog
from lakehouse.marts import tidy
from lakehouse.publication import BeingBuiltError, audited
from lakehouse.spark import spark_session
from stack.settings import StackSettings
from stack.supervisor import status

Build = Callable[[str, list[int]], None]
Read = Callable[[str], list[int] | None]


@pytest.fixture(scope="module")
def stack(fresh_stack: Callable[..., StackSettings]) -> StackSettings:
    return fresh_stack("tables")


@pytest.fixture
def build(stack: StackSettings) -> Build:
    """Write a table as dbt does: replaced where it is there."""

    def write(name: str, numbers: list[int]) -> None:
        lake = catalog(stack)
        try:
            lake.create_namespace_if_not_exists("marts_audit")
            rows = pa.table({"number": pa.array(numbers, pa.int64())})
            if lake.table_exists(f"marts_audit.{name}"):
                lake.load_table(f"marts_audit.{name}").overwrite(rows)
            else:
                lake.create_table(f"marts_audit.{name}", rows.schema).append(rows)
        finally:
            lake.close()

    return write


@pytest.fixture
def read(stack: StackSettings) -> Read:
    def rows(name: str) -> list[int] | None:
        lake = catalog(stack)
        try:
            if not lake.table_exists(name):
                return None
            found: list[int] = lake.load_table(name).scan().to_arrow()["number"].to_pylist()
        finally:
            lake.close()
        return found

    return rows


def test_all_tables_are_seen_at_once_when_the_audit_is_over(stack: StackSettings, build: Build, read: Read) -> None:
    with audited(stack):
        build("first", [1])
        build("second", [2])
        assert read("marts.first") is None
    assert (read("marts.first"), read("marts.second")) == ([1], [2])
    with audited(stack):
        build("first", [3])
        assert (read("marts.first"), read("marts_audit.first")) == ([1], [3])
    assert (read("marts.first"), read("marts.second")) == ([3], [2])


def test_a_build_that_fails_changes_nothing_and_is_not_built_upon(
    stack: StackSettings, build: Build, read: Read
) -> None:
    with audited(stack):
        build("kept", [1])

    def fail() -> None:
        with audited(stack):
            build("kept", [2])
            build("begun", [3])
            raise ValueError("a data test failed")

    with pytest.raises(ValueError, match="a data test failed"):
        fail()
    assert (read("marts.kept"), read("marts_audit.kept")) == ([1], [2])  # still there to be looked at
    with audited(stack):
        assert (read("marts_audit.kept"), read("marts_audit.begun")) == ([1], None)
    assert (read("marts.kept"), read("marts.begun")) == ([1], None)


def test_two_do_not_build_at_once(stack: StackSettings) -> None:
    with audited(stack), pytest.raises(BeingBuiltError, match="by another run: wait"), audited(stack):
        pass


def test_a_catalog_that_dies_in_the_middle_leaves_what_was_published_and_a_retry_succeeds(
    stack: StackSettings, build: Build, read: Read
) -> None:
    with audited(stack):
        build("steady", [1])

    def interrupted() -> None:
        with audited(stack):
            build("steady", [2])
            kill_postgres(stack)

    with pytest.raises(psycopg.OperationalError):
        interrupted()
    assert read("marts.steady") == [1]
    with audited(stack):
        assert read("marts_audit.steady") == [1]
        build("steady", [2])
    assert read("marts.steady") == [2]


def test_old_versions_are_let_go_and_no_row_changes(stack: StackSettings, build: Build, read: Read) -> None:
    for number in range(3):
        with audited(stack):
            build("replaced", [number])
    with audited(stack), pytest.raises(BeingBuiltError):
        tidy(stack, no_spark)
    assert sum(mart.expired for mart in tidy(stack, no_spark)) == 0, "they are younger than a week"
    found = {mart.table: mart for mart in tidy(stack, lambda: spark_session(stack, "test"), keep=timedelta(0))}
    assert found["marts.replaced"].expired > 1
    assert read("marts.replaced") == [2]
    lake = catalog(stack)
    try:
        assert len(lake.load_table("marts.replaced").snapshots()) == 1
    finally:
        lake.close()
    assert sum(mart.expired for mart in tidy(stack, no_spark, keep=timedelta(0))) == 0
    with audited(stack):
        build("replaced", [3])
    assert read("marts.replaced") == [3]


def no_spark() -> SparkSession:
    raise AssertionError("nothing to do needs no Spark")


def kill_postgres(stack: StackSettings) -> None:
    """End it with -9, and wait until the one that the supervisor starts answers."""
    before = next(line.pid for line in status(stack) if line.name == "postgres")
    assert before
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(stack.postgres("lake")).close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            break
    assert next(line.pid for line in status(stack) if line.name == "postgres") != before
