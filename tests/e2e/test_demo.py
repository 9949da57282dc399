"""What a newcomer sees: `tickhouse demo` from nothing, then the commands and pages that it leaves running."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from stack import screenshots
from stack.dashboards import chart_data
from stack.demo import MAY_BE_EMPTY
from stack.processes import of_stack
from stack.settings import StackSettings

TICKHOUSE = Path(sys.executable).with_name("tickhouse")
GIB = 2**30


def tickhouse(*arguments: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
    """The command as a person calls it, in the stack that the environment names."""
    return subprocess.run(
        [str(TICKHOUSE), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "COLUMNS": "160"},
    )


@pytest.fixture(scope="module")
def stack(fresh_stack: Callable[..., StackSettings]) -> StackSettings:
    return fresh_stack(checkpoint_seconds="5")


@pytest.fixture(scope="module")
def demo(stack: StackSettings) -> str:
    """The demo's output: two short days, twenty seconds live."""
    done = tickhouse("demo", "--days", "2", "--orders-per-day", "6000", "--live-seconds", "20", timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(1900)
def test_the_demo_ends_well_and_says_what_it_did(demo: str) -> None:
    assert "agree to the last share and cent" in demo
    for table in ("order_events", "trades", "prices", "book_snapshots", "portfolio_updates", "bars_1m"):
        rows = re.search(rf"market\.{table}\W+([\d,]+)", demo)
        assert rows, table
        assert int(rows[1].replace(",", "")) > 0, table


def test_everything_runs_within_eight_gibibytes(demo: str) -> None:
    lines = json.loads(tickhouse("status", "--json").stdout)
    running = {line["name"] for line in lines if line["state"] == "running"}
    assert {"postgres", "kafka", "trino", "superset-server", "engine", "settlement", "relay", "flink-jobs"} <= running
    assert {"flink-jobmanager", "flink-taskmanager", "dagster-webserver", "dagster-daemon"} <= running
    assert sum(line["memory"] for line in lines) < 8 * GIB


def test_reconcile_agrees(demo: str) -> None:
    done = tickhouse("reconcile")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything agrees" in done.stdout


def test_trino_and_spark_see_the_same_trades(demo: str) -> None:
    question = "select count(*) as trades, sum(price * quantity) as turnover from market.trades"
    trino, spark = (tickhouse(command, question, "--json") for command in ("sql", "spark-sql"))
    assert trino.returncode == spark.returncode == 0, trino.stderr + spark.stderr
    by_trino, by_spark = json.loads(trino.stdout), json.loads(spark.stdout)  # one object a row
    assert int(by_trino["trades"]) == int(by_spark["trades"]) > 0
    assert float(by_trino["turnover"]) == float(by_spark["turnover"])


def test_a_person_can_trade_beside_the_simulated(demo: str) -> None:
    assert tickhouse("up", "clock", "buyers", "sellers").returncode == 0
    done = tickhouse("order", "new", "ACME", "buy", "10")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "accepted" in done.stdout
    refused = tickhouse("order", "new", "NOPE", "buy", "10")
    assert refused.returncode != 0
    assert "NOPE" in refused.stdout + refused.stderr
    assert tickhouse("reconcile").returncode == 0, "reconciling while they trade"


def test_dagster_ran_everything_and_every_check_passed(stack: StackSettings, demo: str) -> None:
    query = "{ runsOrError { ... on Runs { results { jobName status } } } }"
    answer = httpx.post(f"{stack.dagster}/graphql", json={"query": query}, timeout=30).raise_for_status().json()
    runs = [run["status"] for run in answer["data"]["runsOrError"]["results"] if run["jobName"] == "nightly"]
    assert runs == ["SUCCESS"]


def test_every_chart_has_data(stack: StackSettings, demo: str) -> None:
    assert {name for name, rows in chart_data(stack).items() if not rows} <= MAY_BE_EMPTY


def test_every_page_is_drawn_in_a_browser(stack: StackSettings, demo: str, tmp_path: Path) -> None:
    pictures = screenshots.picture_book(stack, tmp_path)
    assert len(pictures) == 8
    assert all(picture.stat().st_size > 20_000 for picture in pictures)


def test_down_leaves_nothing_behind(stack: StackSettings, demo: str) -> None:
    assert tickhouse("down").returncode == 0
    assert of_stack(stack) == []
