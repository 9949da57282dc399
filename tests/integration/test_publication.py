"""What is built is seen when its audit has passed, and not before: on the real catalog."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from lakehouse.catalog import catalog
from lakehouse.publication import BeingBuiltError, audited
from stack.settings import StackSettings

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
