"""The gate from beginning to end: a month in the shadow market, its facts, the table, the plots."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from simulators.calendar import TradingDay
from simulators.fundamentals import correlations
from simulators.history import generate
from simulators.realism import plots, report
from simulators.realism.market_data import read_month, run_days
from simulators.realism.measure import Measured, measure
from simulators.runs import DayFiles, Run, kept_run
from streaming.contracts.reference import instruments


def measure_days(days: list[DayFiles], progress: Progress | None = None) -> Measured:
    """The facts of these days' files, which lie in the folder of their run, over the sectors of the reference data."""
    task = progress.add_task("Reading (days)", total=len(days)) if progress else None

    def told(_date: object) -> None:
        if progress and task is not None:
            progress.advance(task)

    month = read_month(days, told)
    if progress:
        progress.add_task("Measuring", total=None)
    run = kept_run(days[0].folder)
    expected = None
    if run is not None:
        traded = [item for symbol in month.symbols for item in run.listed if item.symbol == symbol.symbol]
        expected = correlations(traded, run.population.fundamental)
    return measure(month, {item.symbol: item.sector for item in instruments()}, expected)


def run_realism(
    home: Path, run: Run | None, folder: Path | None, console: Console, markdown: Path | None, pictures: Path | None
) -> int:
    """Measure the run in `folder`, or generate `run` first; the exit code: 0 only if enough facts hold."""
    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        if folder is None:
            assert run is not None
            folder = _generate(home, run, progress)
        started = time.monotonic()
        measured = measure_days(run_days(folder), progress)
        seconds = time.monotonic() - started
    console.print(report.table(measured))
    console.print(f"{folder.name}: measured in {seconds:.0f} s")
    if markdown is not None:
        report.write_markdown(measured, markdown)
    if pictures is not None:
        for path in plots.write(measured, pictures):
            console.print(f"{path}", soft_wrap=True)
    return 0 if measured.passed else 1


def _generate(home: Path, run: Run, progress: Progress) -> Path:
    minutes = {day.date: day.minutes for day in run.trading_days()}
    task = progress.add_task("Trading (minutes)", total=sum(minutes.values()))
    done: dict[object, int] = {}

    def told(day: TradingDay, count: int) -> None:
        done[day.date] = count
        progress.update(task, completed=sum(done.values()), description=f"Trading {day.date}")

    return generate(home, run, told)
