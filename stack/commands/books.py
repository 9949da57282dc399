"""`tickhouse reconcile`: is everything there, in every store, to the last share and cent?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from orchestration.reconciliation.model import Check, Report

UNREACHABLE = 2


def register(app: typer.Typer) -> None:
    """Add this area's commands."""
    app.command()(reconcile)


def reconcile(
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON")] = False,
    patience: Annotated[
        float, typer.Option(min=0, help="Seconds that PostgreSQL and Iceberg are given to catch up with Kafka")
    ] = 120.0,
) -> None:
    """Compare Kafka, Iceberg and PostgreSQL, trade for trade, share for share, cent for cent.

    Works while trading goes on. Exits with 1 on any difference, with 2 where the stack cannot be reached.
    """
    from rich.console import Console
    from rich.text import Text

    from orchestration.reconciliation import UnreachableError
    from orchestration.reconciliation import reconcile as run
    from streaming.contracts.settings import settings

    talk = Console(stderr=True)
    try:
        with talk.status("reconciling") as status:
            report = run(settings(), lambda words: status.update(Text(words)), patience)
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
        for words in check.sample:
            console.print(Text(f"{check.title}: {words}", "red"))
    events = sum(report.cut.values())
    outcome = "Everything agrees" if report.passed else "There are differences"
    console.print(Text(f"{outcome}: {len(report.cut)} symbols, {events:,} events, {report.seconds:.1f} s"))


def _values(check: Check) -> list[str]:
    stores = (check.kafka, check.iceberg, check.postgres)
    return ["" if value is None else f"{value:,}" if isinstance(value, int) else value for value in stores]
