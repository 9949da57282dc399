"""What a reconciliation says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

Progress = Callable[[str], None]
Value = int | str | None
SHOWN = 5
"""How many differences of a check are shown to a person; the history keeps more."""


class UnreachableError(RuntimeError):
    """A store could not be asked; the message names it."""


@dataclass(frozen=True)
class Check:
    """One comparison: what each store says (None: not asked), how many differences, and the first thousand in words."""

    name: str
    title: str
    kafka: Value = None
    iceberg: Value = None
    postgres: Value = None
    differences: int = 0
    sample: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Nothing differs."""
        return self.differences == 0

    @property
    def stores(self) -> dict[str, Value]:
        """What each store says."""
        return {"kafka": self.kafka, "iceberg": self.iceberg, "postgres": self.postgres}


@dataclass(frozen=True)
class Report:
    """Every check at one cut. `cut` is the last sequence compared of each symbol."""

    checks: list[Check]
    cut: dict[str, int]
    seconds: float

    @property
    def passed(self) -> bool:
        """Everything agrees."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        checks = [{**asdict(check), "passed": check.passed} for check in self.checks]
        return {"passed": self.passed, "seconds": round(self.seconds, 3), "cut": self.cut, "checks": checks}
