"""Writing configuration files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, in one step: a reader sees the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    partial.replace(path)


def properties(values: Mapping[str, object], separator: str = "=") -> str:
    """One `name=value` a line."""
    return "".join(f"{name}{separator}{value}\n" for name, value in values.items())


UNBUFFERED = {"PYTHONUNBUFFERED": "1"}
"""So that a Python process's log is there when it is wanted."""
