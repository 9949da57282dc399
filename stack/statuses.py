"""How `tickhouse status` looks."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta

from rich.table import Table

from stack.supervisor import Status

COLOURS = {"running": "green", "starting": "yellow", "stopped": "dim", "external": "cyan"}


def as_table(lines: list[Status]) -> Table:
    """A table with a total."""
    table = Table(caption=f"{sum(line.memory for line in lines) / 2**20:,.0f} MiB in all")
    for column in ("name", "state", "pid", "memory", "address", "uptime"):
        table.add_column(column, justify="right" if column in ("pid", "memory", "uptime") else "left")
    for line in lines:
        colour = COLOURS.get(line.state, "red")
        table.add_row(
            line.name,
            f"[{colour}]{line.state}[/]",
            str(line.pid or ""),
            f"{line.memory / 2**20:,.0f} MiB" if line.pid else "",
            line.address,
            str(timedelta(seconds=line.uptime)) if line.uptime is not None else "",
        )
    return table


def to_json(lines: list[Status]) -> str:
    """A list of objects."""
    return json.dumps([dataclasses.asdict(line) for line in lines], indent=2)
