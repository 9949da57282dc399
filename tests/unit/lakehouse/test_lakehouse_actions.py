"""Which failures of a maintenance action are another writer's commit, and are tried again."""

from __future__ import annotations

import pytest

from lakehouse.actions import conflict


@pytest.mark.parametrize(
    "told",
    [
        "org.apache.iceberg.exceptions.CommitFailedException: Metadata location has changed",
        "org.apache.iceberg.exceptions.CommitStateUnknownException: connection reset",
        "org.apache.iceberg.exceptions.ValidationException: Deleted manifest file:/w/m5.avro could not be found in the "
        "latest snapshot 340567270691592525",
    ],
)
def test_a_commit_that_lost_is_a_conflict(told: str) -> None:
    assert conflict(RuntimeError(told))


def test_anything_else_is_not() -> None:
    assert not conflict(RuntimeError("org.apache.iceberg.exceptions.ValidationException: Cannot find field id 7"))
