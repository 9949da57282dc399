"""How long each chart of the dashboards takes to be answered, on the lake that is up.

`python benchmarks/dashboards.py` asks Superset for every chart's data, `--times` times in turn and past its cache, and
prints the median and the longest; then what each dashboard's slowest chart took. What is measured is a chart alone:
a browser that opens a dashboard asks for all of its charts at once. Exit code 1 where a median is above `--target`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time

import httpx
from rich.console import Console
from rich.table import Table

from stack.dashboards import DashboardError, Superset, load
from streaming.contracts.settings import settings

console = Console(width=None if sys.stdout.isatty() else 120)


def measure(times: int) -> dict[str, list[float]]:
    """Seconds that each chart took, by its title, in the order of the dashboards."""
    seconds: dict[str, list[float]] = {}
    with Superset(settings()) as superset:
        ids = superset.ids("charts")
        stored = {
            chart["slice_name"]: superset.get(f"/api/v1/chart/{ids[chart['uuid']]}")["result"]["query_context"]
            for chart in load("charts").values()
        }
        for _ in range(times):
            for title, context in stored.items():
                began = time.perf_counter()
                superset.post("/api/v1/chart/data", json={**json.loads(context), "force": True})
                seconds.setdefault(title, []).append(time.perf_counter() - began)
    return seconds


def boards() -> dict[str, list[str]]:
    """The titles of each dashboard's charts."""
    return {
        board["dashboard_title"]: [
            node["meta"]["sliceName"]
            for node in board["position"].values()
            if isinstance(node, dict) and node["type"] == "CHART"
        ]
        for board in load("dashboards").values()
    }


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=3, help="how often each chart is asked for")
    parser.add_argument("--target", type=float, default=2.0, help="seconds that a median may take")
    arguments = parser.parse_args()
    try:
        seconds = measure(arguments.times)
    except (DashboardError, httpx.HTTPError) as error:
        sys.exit(f"no answer: {error}")
    table = Table("dashboard", "chart", title="Seconds until a chart's data is there")
    for column in ("median", "max"):
        table.add_column(column, justify="right")
    for board, titles in boards().items():
        for title in titles:
            median = statistics.median(seconds[title])
            colour = "red" if median > arguments.target else "default"
            table.add_row(board, title, f"[{colour}]{median:.2f}[/]", f"{max(seconds[title]):.2f}")
        table.add_section()
    console.print(table)
    medians = [statistics.median(found) for found in seconds.values()]
    slow = sum(median > arguments.target for median in medians)
    longest = max(max(found) for found in seconds.values())
    console.print(
        f"{len(medians)} charts: median {statistics.median(medians):.2f} s, longest {longest:.2f} s, "
        f"{slow} above {arguments.target:g} s"
    )
    sys.exit(1 if slow else 0)


if __name__ == "__main__":
    main()
