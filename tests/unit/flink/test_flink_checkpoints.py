"""A job resumes from its newest completed checkpoint, and never where that would write rows twice."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streaming.flink.checkpoints import Checkpoint, CheckpointLostError, Commit, check, newest
from streaming.flink.submit import reason

OLD, NEW = "a" * 32, "b" * 32
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def write(root: Path, job: str, number: int, when: int, content: bytes = b"x") -> None:
    folder = root / job / f"chk-{number}"
    folder.mkdir(parents=True)
    (folder / "_metadata").write_bytes(content)
    os.utime(folder / "_metadata", (when, when))


def test_the_newest_is_by_time_not_by_number(tmp_path: Path) -> None:
    write(tmp_path, OLD, 40, 1_000)
    write(tmp_path, NEW, 2, 2_000)
    found = newest(f"file://{tmp_path}")
    assert found is not None
    assert (found.job_id, found.number, found.path) == (NEW, 2, f"file://{tmp_path}/{NEW}/chk-2")


def test_one_without_its_metadata_is_not_completed(tmp_path: Path) -> None:
    write(tmp_path, OLD, 1, 1_000)
    write(tmp_path, OLD, 2, 2_000, content=b"")
    (tmp_path / OLD / "chk-3").mkdir()
    (tmp_path / OLD / "shared").mkdir()
    found = newest(f"file://{tmp_path}")
    assert found is not None
    assert found.number == 1


def test_without_any_the_job_starts_afresh(tmp_path: Path) -> None:
    assert newest(f"file://{tmp_path}/none") is None
    check(None, [], "file:///none")


def commit(job: str, checkpoint: int, when: datetime = NOON) -> Commit:
    return Commit("market.trades", job, checkpoint, when)


def test_rows_without_a_checkpoint_are_not_written_again() -> None:
    with pytest.raises(CheckpointLostError, match=r"market\.trades holds rows"):
        check(None, [commit(OLD, 3)], "file:///lost")


def test_a_checkpoint_older_than_the_table_is_refused() -> None:
    at_three = Checkpoint(OLD, 3, "file:///c", NOON)
    check(at_three, [commit(OLD, 3, NOON + timedelta(seconds=1))], "")
    with pytest.raises(CheckpointLostError, match="checkpoint 4"):
        check(at_three, [commit(OLD, 4)], "")


def test_a_later_commit_of_another_job_is_refused() -> None:
    resumed = Checkpoint(NEW, 1, "file:///c", NOON)
    check(resumed, [commit(OLD, 9, NOON - timedelta(seconds=1))], "")
    with pytest.raises(CheckpointLostError):
        check(resumed, [commit(OLD, 9, NOON + timedelta(seconds=1))], "")


def test_a_refusal_gives_flinks_words_without_the_trace() -> None:
    output = "org.apache.x: failed\n\tat a.b.C\nCaused by: java.lang.X: topic gone\n\tat d\n"
    assert reason(output) == "Caused by: java.lang.X: topic gone"
    assert reason("") == "it said nothing"
