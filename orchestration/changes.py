"""What a sensor remembers between its ticks: a value for each name, and which of them are new."""

from __future__ import annotations

import json
from collections.abc import Mapping


def changed(cursor: str | None, now: Mapping[str, int | str | None]) -> tuple[list[str], str]:
    """The names whose value is not the cursor's, and the next cursor. What has no value yet is not news."""
    before = json.loads(cursor) if cursor else {}
    names = [name for name, value in now.items() if value is not None and before.get(name) != value]
    return names, json.dumps({**before, **now}, sort_keys=True)
