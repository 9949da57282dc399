"""`tickhouse reconcile`: is everything there, in every store, to the last share and cent?"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from orchestration.reconciliation.model import Check, Report

UNREACHABLE = 2
RUNS = 20
"""How many of the last runs are shown."""
KEPT = 1000
"""How many differences of a run are shown."""


def register(app: typer.Typer) -> None:
    """Add this area's commands."""
    app.command()(reconcile)


def reconcile(
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON")] = False,
    patience: Annotated[
        float, typer.Option(min=0, help="Seconds that PostgreSQL and Iceberg are given to catch up with Kafka")
    ] = 120.0,
    history: Annotated[bool, typer.Option("--history", help="Compare nothing: show the last runs")] = False,
    run: Annotated[
        int | None,
        typer.Option(min=1, help="With --history: the differences of this run, row by row", show_default=False),
    ] = None,
) -> None:
    """Compare Kafka, Iceberg and PostgreSQL, trade for trade, share for share, cent for cent.

    Works while trading goes on. Exits with 1 on any difference, with 2 where the stack cannot be reached. Every run is
    kept in PostgreSQL, schema `reconciliation`.
    """
    if history or run:
        look_back(run, json)
    else:
        compare(patience, json)


def compare(patience: float, json: bool) -> None:
    """Reconcile now, keep what was found, and exit with the verdict."""
    from rich.console import Console
    from rich.text import Text

    from orchestration.reconciliation import UnreachableError
    from orchestration.reconciliation import reconcile as reconcile_now
    from orchestration.reconciliation.history import keep
    from streaming.contracts.settings import settings

    talk = Console(stderr=True)
    try:
        with talk.status("reconciling") as status:
            report = reconcile_now(settings(), lambda words: status.update(Text(words)), patience)
            keep(settings(), report, "command")
    except UnreachableError as error:
        talk.print(Text(f"{error}\nIs the stack up? `tickhouse status` tells, `tickhouse up` starts it."))
        raise typer.Exit(UNREACHABLE) from None
    if json:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(report.to_dict())).decode())
    else:
        show(report, Console())
    raise typer.Exit(0 if report.passed else 1)


def show(report: Report, console: object) -> None:
    """Print a report as a table, and some of its differences in words."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from orchestration.reconciliation.model import SHOWN

    assert isinstance(console, Console)
    table = Table(title="Reconciliation")
    table.add_column("check")
    for name in ("Kafka", "Iceberg", "PostgreSQL", "differences"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for check in report.checks:
        verdict = Text("agrees", "green") if check.passed else Text("DIFFERS", "bold red")
        table.add_row(check.title, *_values(check), f"{check.differences:,}", verdict)
    console.print(table)
    for check in report.checks:
        for words in check.sample[:SHOWN]:
            console.print(Text(f"{check.title}: {words}", "red"))
    events = sum(report.cut.values())
    outcome = "Everything agrees" if report.passed else "There are differences"
    console.print(Text(f"{outcome}: {len(report.cut)} symbols, {events:,} events, {report.seconds:.1f} s"))


def look_back(run: int | None, json: bool) -> None:
    """Print the last runs, or the differences of one; exits with 2 where PostgreSQL cannot be asked."""
    from dataclasses import asdict

    from orchestration.reconciliation.history import differences_of, last_runs
    from orchestration.reconciliation.model import UnreachableError
    from stack.commands.lake import show as show_rows
    from streaming.contracts.settings import settings

    try:
        kept = [asdict(one) for one in (differences_of(settings(), run, KEPT) if run else last_runs(settings(), RUNS))]
    except UnreachableError as error:
        typer.echo(f"{error}\nIs the stack up? `tickhouse status` tells, `tickhouse up` starts it.", err=True)
        raise typer.Exit(UNREACHABLE) from None
    if not kept:
        typer.echo(
            f"Run {run} found no difference, or was never kept." if run else "Nothing was reconciled yet.", err=True
        )
        return
    if not json:
        kept = [{name: in_words(value) for name, value in row.items()} for row in kept]
    show_rows(list(kept[0]), [tuple(row.values()) for row in kept], as_csv=False, as_json=json)


def in_words(value: object) -> object:
    """A value as a person reads it in a table."""
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else value


def _values(check: Check) -> list[str]:
    stores = (check.kafka, check.iceberg, check.postgres)
    return ["" if value is None else f"{value:,}" if isinstance(value, int) else value for value in stores]
