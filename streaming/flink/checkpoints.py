"""Finds what a stopped job resumes from, and refuses where resuming would write rows twice.

Each job keeps its checkpoints in a folder of its own, so that the newest one is found after the job manager died with
all it knew. Flink writes a checkpoint's `_metadata` last, and the tables are committed after that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from pyarrow.fs import FileSelector, FileSystem, FileType

CHECKPOINT = re.compile(r"/(?P<job>[0-9a-f]{32})/chk-(?P<number>\d+)/_metadata$")


@dataclass(frozen=True)
class Checkpoint:
    """A completed checkpoint. `path` is the URI of its folder."""

    job_id: str
    number: int
    path: str
    written: datetime


@dataclass(frozen=True)
class Commit:
    """The last commit of a Flink job to a table: which job, up to which of its checkpoints, and when."""

    table: str
    job_id: str
    checkpoint: int
    committed: datetime


class CheckpointLostError(RuntimeError):
    """The tables hold rows that no checkpoint knows of: to go on from here would write them twice."""


def newest(uri: str) -> Checkpoint | None:
    """The newest completed checkpoint beneath a folder, of whatever job; none where there is none."""
    files, root = FileSystem.from_uri(uri)
    found = [
        Checkpoint(match["job"], int(match["number"]), f"{uri}{info.path[len(root) : -len('/_metadata')]}", info.mtime)
        for info in files.get_file_info(FileSelector(root, recursive=True, allow_not_found=True))
        if info.type == FileType.File and info.size and (match := CHECKPOINT.search(info.path))
    ]
    return max(found, key=lambda checkpoint: (checkpoint.written, checkpoint.number), default=None)


def check(checkpoint: Checkpoint | None, commits: list[Commit], uri: str) -> None:
    """CheckpointLostError where a table was committed to after `checkpoint`, or where there is none but rows are."""
    for commit in commits:
        if checkpoint is None:
            raise CheckpointLostError(
                f"{commit.table} holds rows of Flink job {commit.job_id}, but there is no checkpoint under {uri}: "
                "starting afresh would write them again. Put the folder back, or start with an empty warehouse"
            )
        known = commit.checkpoint <= checkpoint.number
        if commit.job_id != checkpoint.job_id:
            known = commit.committed <= checkpoint.written
        if not known:
            raise CheckpointLostError(
                f"{commit.table} was committed up to checkpoint {commit.checkpoint} of Flink job {commit.job_id}, "
                f"which is newer than {checkpoint.path}: resuming there would write rows again. Put the newer one back"
            )
