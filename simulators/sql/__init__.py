"""What the simulators ask PostgreSQL, one statement a file."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import LiteralString


@lru_cache
def statement(name: str) -> LiteralString:
    """The text of `<name>.sql`. It is our own file, so the database driver may take it for a literal."""
    return files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
