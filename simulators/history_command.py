"""A history run from beginning to end, with progress bars: generate, publish, compare."""

from __future__ import annotations

import time

from confluent_kafka import KafkaException
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from simulators.calendar import TradingDay
from simulators.differential import Report, differential
from simulators.following import following
from simulators.history import generate, last_state
from simulators.publish import Published, WrongExchangeError, publish
from simulators.runs import Run
from streaming.contracts.provision import TopicMismatchError, create_topics
from streaming.contracts.settings import Settings


def run_history(settings: Settings, run: Run, console: Console, *, generate_only: bool) -> int:
    """Do it, tell it on `console`, and return the exit code: 0 only if the platform did what the shadow did."""
    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    started = time.monotonic()
    with Progress(*columns, console=console) as progress:
        if generate_only:
            _generate(settings, run, progress)
            last = last_state(settings.home, run)
            console.print(f"[green]{run.identity}[/]: {sum(last.sequences.values()):,} events in all")
            return 0
        try:
            create_topics(settings)
            run = following(settings, run)
            _generate(settings, run, progress)
            published = _publish(settings, run, progress)
            report = _compare(settings, run, progress)
        except (WrongExchangeError, TopicMismatchError) as error:
            console.print(f"[red]{error}[/]")
            return 1
        except (KafkaException, TimeoutError) as error:
            console.print(f"[red]Kafka at {settings.kafka} does not answer: is the stack up? (tickhouse up)[/] {error}")
            return 1
    console.print(_summary(run, published, report, time.monotonic() - started))
    if report.first_difference:
        console.print(f"[red]First difference:[/] {report.first_difference}", soft_wrap=True)
    return 0 if report.agrees else 1


def _generate(settings: Settings, run: Run, progress: Progress) -> None:
    days = run.trading_days()
    minutes = {day.date: day.minutes for day in days}
    task = progress.add_task("Trading (minutes)", total=sum(minutes.values()))
    done: dict[object, int] = {}

    def told(day: TradingDay, count: int) -> None:
        done[day.date] = count
        progress.update(task, completed=sum(done.values()), description=f"Trading {day.date}")

    generate(settings.home, run, told)


def _publish(settings: Settings, run: Run, progress: Progress) -> Published:
    task = progress.add_task("Publishing (messages)", total=None)
    return publish(settings, run, lambda done, total: _set(progress, task, done, total))


def _compare(settings: Settings, run: Run, progress: Progress) -> Report:
    task = progress.add_task("Comparing (events)", total=None)
    return differential(settings, run, lambda done, total: _set(progress, task, done, total))


def _set(progress: Progress, task: TaskID, done: int, total: int) -> None:
    progress.update(task, completed=done, total=total)


def _summary(run: Run, published: Published, report: Report, seconds: float) -> Table:
    table = Table(title=f"History {run.identity}")
    table.add_column("What")
    table.add_column("Count", justify="right")
    for what, count in (
        ("Trading days", run.days),
        ("Messages of the run", published.messages),
        ("of these sent now", published.sent),
        ("Events of the shadow market", report.expected),
        ("of these published by the exchange", report.compared),
        ("of these different", report.different),
        ("Events published twice", report.repeated),
        ("Trades", report.trades),
    ):
        table.add_row(what, f"{count:,}")
    verdict = "[green]agrees[/]" if report.agrees else "[red]does not agree[/]"
    table.caption = f"The exchange {verdict} with the shadow market; {seconds:.0f} s"
    return table
