"""The dbt project, and its manifest: what dbt makes of it, made anew whenever a file of the project has changed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from streaming.contracts.settings import PROJECT

DBT = PROJECT / "dbt"
TARGET = DBT / "target"
EXECUTABLE = Path(sys.executable).with_name("dbt")
SOURCES = ("*.yml", "models/**/*", "macros/**/*", "seeds/**/*", "snapshots/**/*", "tests/**/*")


class DbtParseError(RuntimeError):
    """dbt does not understand the project; the message is what it says."""


def manifest() -> Path:
    """The manifest of the project as it is now; DbtParseError where dbt refuses it.

    Safe to call from several processes at once: the first one makes it, the others wait.
    """
    made, mark = TARGET / "manifest.json", TARGET / "manifest.sha256"
    with _alone():
        now = fingerprint(DBT)
        if not made.exists() or not mark.exists() or mark.read_text(encoding="utf-8") != now:
            parse()
            mark.write_text(now, encoding="utf-8")
    return made


def fingerprint(project: Path) -> str:
    """The digest of every file that the manifest depends on, and of dbt's version."""
    digest = hashlib.sha256(_dbt_version().encode())
    for path in sorted({path for pattern in SOURCES for path in project.glob(pattern) if path.is_file()}):
        digest.update(f"{path.relative_to(project)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def parse() -> None:
    """Run `dbt parse`: no database is asked, so no address is needed."""
    command = [str(EXECUTABLE), "--quiet", "parse", "--project-dir", str(DBT), "--profiles-dir", str(DBT)]
    environment = {**os.environ, "DBT_TARGET_PATH": str(TARGET), "DBT_LOG_PATH": str(TARGET)}
    done = subprocess.run(command, env=environment, cwd=DBT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DbtParseError(done.stdout + done.stderr)


@lru_cache
def _dbt_version() -> str:
    from importlib.metadata import version

    return f"{version('dbt-core')} {version('dbt-spark')}"


@contextmanager
def _alone() -> Iterator[None]:
    TARGET.mkdir(parents=True, exist_ok=True)
    with (TARGET / "manifest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
