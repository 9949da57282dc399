"""The cache that clones share: one set-up writes at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from streaming.contracts.settings import Settings


@contextmanager
def writing(settings: Settings, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the cache's lock; `waiting` is called once if another set-up holds it. The kernel frees it if we die."""
    settings.cache.mkdir(parents=True, exist_ok=True)
    with (settings.cache / "setup.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def short_hash(*contents: bytes) -> str:
    """Twelve hexadecimal digits that name these contents."""
    return sha256(b"".join(contents)).hexdigest()[:12]


def relink(link: Path, target: Path) -> None:
    """Make `link` a symbolic link to `target` in one step, whatever it was."""
    if link.is_symlink() and link.readlink() == target:
        return
    partial = link.with_name(f".{link.name}.{os.getpid()}")
    partial.symlink_to(target)
    partial.replace(link)
