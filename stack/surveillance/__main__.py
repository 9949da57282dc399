"""The surveillance's scores over many seeds: `make scores`; goes on where it was interrupted.

Every market is kept in `<home>/surveillance/` as soon as the rules have seen it; docs/surveillance.md is written from
them at the end, and before it with `--write-only`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from simulators.scenario import scenarios
from stack.settings import StackSettings, explain
from stack.setup.jdk import MissingJdkError
from stack.surveillance import report
from stack.surveillance.markets import Market, ReplayError, Watched, kept, watch
from stack.surveillance.scores import judge, session
from streaming.contracts.settings import PROJECT

PAGE = PROJECT / "docs" / "surveillance.md"
SCORED = range(9001, 9021)
CLEAN = range(9101, 9111)
OTHERS = range(9301, 9303)
"""Seeds of each scenario that is not calm."""
BATCH = 5
"""Markets in one Flink job."""


def plan() -> dict[str, list[Market]]:
    """The markets of each group, most wanted first."""
    return {
        "calm": [Market(seed) for seed in SCORED],
        "clean with look-alikes": [Market(seed, abuse=False) for seed in CLEAN],
        "clean without look-alikes": [Market(seed, abuse=False, lookalikes=False) for seed in CLEAN],
        **{name: [Market(seed, name) for seed in OTHERS] for name in scenarios() if name != "calm"},
    }


def missing(settings: StackSettings) -> list[Market]:
    """What no rule has seen yet."""
    return [market for group in plan().values() for market in group if kept(settings, market) is None]


def write(settings: StackSettings) -> None:
    """The page, from what is there; not before the scored seeds are."""
    groups: dict[str, list[Watched]] = {}
    for name, markets in plan().items():
        there = [found for market in markets if (found := kept(settings, market))]
        if there:
            groups[name] = there
    if "calm" not in groups:
        return
    with session(settings) as spark:
        judged = {name: judge(spark, markets) for name, markets in groups.items()}
    report.write(PAGE, groups, judged, len(missing(settings)))


def batches(settings: StackSettings) -> Iterator[list[Market]]:
    """What is to be done, a Flink job at a time."""
    todo = missing(settings)
    for start in range(0, len(todo), BATCH):
        yield todo[start : start + BATCH]


def main() -> int:
    """Score what is still to be scored, and write the page; 1 where Flink or Java fails, 2 where a setting is wrong."""
    parser = argparse.ArgumentParser(prog="python -m stack.surveillance", description=__doc__)
    parser.add_argument("--write-only", action="store_true", help="only write the page from what is there")
    wanted = parser.parse_args()
    console = Console()
    try:
        settings = StackSettings()
    except ValidationError as error:
        console.print("\n".join(explain(error)), style="red")
        return 2
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    total = sum(map(len, plan().values()))
    try:
        if not wanted.write_only:
            with Progress(*columns, console=console) as progress:
                task = progress.add_task("Markets watched", total=total, completed=total - len(missing(settings)))
                for markets in batches(settings):
                    watch(settings, markets)
                    progress.advance(task, len(markets))
        write(settings)
    except (ReplayError, MissingJdkError) as error:
        console.print(f"[red]{error}[/]")
        return 1
    console.print(f"Written: {PAGE.relative_to(PROJECT)}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted: run it again to go on.")
