"""What the demo found, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from simulators.runs import Run
from stack.settings import StackSettings

if TYPE_CHECKING:
    from stack.demo import Outcome


def show(console: Console, settings: StackSettings, run: Run, outcome: Outcome) -> None:
    """The summary and the addresses."""
    console.rule(f"History {run.identity}, then live")
    counts = Table("What", "Count", title="Orders and trades")
    counts.columns[1].justify = "right"
    for what, count in outcome.counts.items():
        counts.add_row(what, f"{count:,}")
    console.print(counts)
    if outcome.rates:
        rates = Table("What", "A second", title="Held together, on this machine")
        rates.columns[1].justify = "right"
        for what, rate in outcome.rates.items():
            rates.add_row(what, f"{rate:,.0f}")
        console.print(rates)
    console.print(_tables(outcome))
    console.print(_dagster(outcome))
    console.print(_seconds(outcome))
    console.print("[bold green]Kafka, Iceberg and PostgreSQL agree to the last share and cent.[/]")
    addresses = Table(title="Still running: `tickhouse status`, `tickhouse down`", show_header=False)
    for name, address in (
        ("Dagster", settings.dagster),
        ("Superset", settings.superset),
        ("Flink", settings.flink),
        ("Trino", settings.trino),
    ):
        addresses.add_row(name, address)
    addresses.add_row("Superset's login", "tickhouse status --passwords")
    console.print(addresses)


def _tables(outcome: Outcome) -> Table:
    """Rows, and files before and after compaction."""
    table = Table("Table", "Rows", "Files before", "Files after", "MiB after", title="Iceberg tables of the history")
    for column in table.columns[1:]:
        column.justify = "right"
    for before, after in zip(outcome.before, outcome.after, strict=True):
        size = f"{after.bytes / 2**20:,.1f}"
        table.add_row(after.table, f"{after.rows:,}", f"{before.files:,}", f"{after.files:,}", size)
    return table


def _dagster(outcome: Outcome) -> Table:
    """The checks of Dagster's run, by asset."""
    table = Table("Checks of", "Passed", "Failed", title="Dagster's run: asset checks")
    assert outcome.dagster
    by_asset: dict[str, list[bool]] = {}
    for check in outcome.dagster.checks:
        by_asset.setdefault(check.asset, []).append(check.passed)
    for asset, passed in sorted(by_asset.items()):
        table.add_row(asset, str(sum(passed)), str(len(passed) - sum(passed)))
    table.caption = outcome.dagster.url
    return table


def _seconds(outcome: Outcome) -> Table:
    """How long each stage took."""
    table = Table("Stage", "Seconds", title="Time")
    table.columns[1].justify = "right"
    for stage, seconds in outcome.seconds.items():
        table.add_row(stage, f"{seconds:.1f}")
    table.add_section()
    table.add_row("All", f"{sum(outcome.seconds.values()):.1f}")
    return table
