"""Writing configuration files."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, in one step: a reader sees the old text or the new one.

    Two writers may write at once (servers that share a file are prepared side by side): the last one wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8"
    ) as file:
        file.write(text)
    Path(file.name).replace(path)


def properties(values: Mapping[str, object], separator: str = "=") -> str:
    """One `name=value` a line."""
    return "".join(f"{name}{separator}{value}\n" for name, value in values.items())


UNBUFFERED = {"PYTHONUNBUFFERED": "1"}
"""So that a Python process's log is there when it is wanted."""
