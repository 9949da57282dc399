"""The long counts: many seeds, and many kills on real servers. `make qualify`; goes on where it was interrupted.

Every count is kept in `<home>/qualification.json` as soon as it is known; docs/qualification.md is written from it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress

from orchestration.reconciliation import reconcile
from simulators.differential import Report, differential
from simulators.history import generate
from simulators.publish import publish
from simulators.runs import DayFiles, Run, make_run, run_folder
from stack.settings import StackSettings
from stack.supervisor import down, status, up
from streaming.contracts.codec import decode_command, encode_line
from streaming.contracts.settings import PROJECT
from streaming.matching.exchange import Exchange

PAGE = PROJECT / "docs" / "qualification.md"
DAY = dt.date(2026, 11, 20)
SEEDS = 25
ROUNDS = 5
KILLS = 5
"""Kills in a round: a round is one history run through servers of its own."""
SERVERS = ("postgres", "kafka", "flink", "engine", "settlement", "relay", "flink-jobs")
VICTIMS = ("engine", "settlement", "relay", "flink-taskmanager", "flink-jobmanager", "flink-jobs", "postgres", "kafka")


class Replay(msgspec.Struct):
    """A day replayed through an exchange that was saved and loaded at random moments."""

    seed: int
    commands: int
    trades: int
    passed: bool


class Round(msgspec.Struct):
    """A history run whose servers were killed in the middle; `failures` in words."""

    seed: int
    killed: list[str]
    events: int
    trades: int
    seconds: float
    failures: list[str]


class Suite(msgspec.Struct):
    """A test that was run with a larger count than every day."""

    name: str
    count: int
    seconds: float
    passed: bool


class Plan(msgspec.Struct, frozen=True):
    """A test with a count of its own: which, the environment variable of the count, and what one of it is."""

    test: str
    variable: str
    count: int
    what: str


PLANS = {
    "reference market": Plan(
        "tests/property/test_matching_book.py",
        "TICKHOUSE_QUALIFY_EXAMPLES",
        1_000,
        "random histories with every kind of command, in which the book and the reference market said the same",
    ),
    "fuzz": Plan(
        "tests/unit/matching/test_matching_host.py",
        "TICKHOUSE_QUALIFY_FUZZ",
        1_000_000,
        "fuzzed commands (bytes, JSON, types, extremes, old ids), each answered or dead-lettered, none with an effect "
        "on anybody else's order",
    ),
    "engine kills": Plan(
        "tests/integration/test_matching_kills.py",
        "TICKHOUSE_QUALIFY_KILLS",
        24,
        "kills with -9 of an engine on Kafka, at random instants and at every point of a commit; all topics to the "
        "byte what a pure book says",
    ),
}


class Results(msgspec.Struct):
    """Everything counted so far."""

    replays: list[Replay] = []
    rounds: list[Round] = []
    suites: list[Suite] = []


def replay(seed: int, home: Path) -> Replay:
    """Generate a day, and replay its commands in an exchange that forgets everything but its saved state."""
    run = make_run(seed, 1, DAY, 6_000)
    generate(home, run)
    files = DayFiles(run_folder(home, run), DAY)
    chance = random.Random(seed)  # noqa: S311  # repeatable, not secret
    exchange, commands, trades, passed = Exchange(), 0, 0, True
    with files.commands.open("rb") as lines, files.events.open("rb") as shadow:
        for line in lines:
            commands += 1
            if chance.random() < 0.002:
                exchange = Exchange.load(exchange.dump())
            for event in exchange.apply(decode_command(line)):
                passed &= encode_line(event) == shadow.readline()
                trades += event.__struct_config__.tag == "trade"
        passed &= not shadow.read(1)
    return Replay(seed, commands, trades, passed and trades > 0)


def kill_round(seed: int, home: Path) -> Round:
    """One history run through real servers, `KILLS` of which are killed with -9 while it goes through."""
    began = time.monotonic()
    settings = StackSettings(home=home, port_offset=11_000, checkpoint_seconds=3)
    os.environ |= {"TICKHOUSE_HOME": str(home), "TICKHOUSE_PORT_OFFSET": "11000", "TICKHOUSE_CHECKPOINT_SECONDS": "3"}
    run = make_run(seed, 2, DAY, 25_000)
    chance = random.Random(seed)  # noqa: S311
    killed: list[str] = []
    try:
        up(settings, list(SERVERS))
        generate(home, run)
        report = _run_and_kill(settings, run, chance, killed)
        up(settings, list(SERVERS))
        failures = [] if report.agrees else [report.first_difference or "the differential check failed"]
        result = reconcile(settings, patience=300)
        failures += [f"{check.name}: {check.sample[:1]}" for check in result.checks if not check.passed]
        return Round(seed, killed, report.compared, report.trades, round(time.monotonic() - began, 1), failures)
    finally:
        down(settings)


def run_suite(name: str) -> Suite:
    """Run a test with its large count, in a process of its own."""
    plan, began = PLANS[name], time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "--timeout=3600", plan.test]
    done = subprocess.run(command, cwd=PROJECT, env={**os.environ, plan.variable: str(plan.count)}, check=False)
    return Suite(name, plan.count, round(time.monotonic() - began, 1), done.returncode == 0)


def _run_and_kill(settings: StackSettings, run: Run, chance: random.Random, killed: list[str]) -> Report:
    started = threading.Event()
    outcome: list[Report] = []

    def watch() -> None:
        outcome.append(differential(settings, run, lambda done, total: started.set(), patience=180))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    publisher = threading.Thread(target=publish, args=(settings, run), daemon=True)
    publisher.start()
    started.wait(120)
    publisher.join()  # the publisher is no server: what it does when Kafka dies is tested elsewhere
    for victim in chance.choices(VICTIMS, k=KILLS):
        pid = next((line.pid for line in status(settings) if line.name == victim), None)
        if pid:
            os.kill(pid, signal.SIGKILL)
            killed.append(victim)
        time.sleep(chance.uniform(0.5, 3))
    watcher.join()
    return outcome[0]


def page(results: Results) -> str:
    """docs/qualification.md."""
    trades = sum(one.trades for one in results.replays)
    lines = [
        "# Qualification",
        "",
        "Written by `make qualify`: counts too long for every test run. Each seed can be run again.",
        "",
        "## Replay",
        "",
        f"{len(results.replays)} seeds, {sum(one.commands for one in results.replays):,} commands, {trades:,} trades: "
        "a day's commands through an exchange that was saved and loaded at random moments gave the shadow market's "
        f"events to the byte in {sum(one.passed for one in results.replays)} of {len(results.replays)}.",
        "",
        "## The market",
        "",
        *(
            f"- {one.count:,} {PLANS[one.name].what}: {'passed' if one.passed else '**FAILED**'}, {one.seconds:,.0f} s."
            for one in results.suites
        ),
        "",
        "## Kills of servers",
        "",
        "Two days of history through Kafka, engine, settlement, relay, Flink and Iceberg; servers killed with -9 "
        "while it went through; then the differential check and the whole reconciliation.",
        "",
        "| seed | killed | events | trades | seconds | outcome |",
        "|---|---|---|---|---|---|",
    ]
    for one in results.rounds:
        outcome = "; ".join(one.failures) or "exact"
        victims = ", ".join(one.killed)
        lines.append(f"| {one.seed} | {victims} | {one.events:,} | {one.trades:,} | {one.seconds:.0f} | {outcome} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Count what is still to be counted; 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m stack.qualify", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many days to replay")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how many histories to kill servers in")
    parser.add_argument("--suites", nargs="*", choices=PLANS, default=list(PLANS), help="which tests with large counts")
    wanted = parser.parse_args()
    console = Console()
    kept = StackSettings().home / "qualification.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    results = msgspec.json.decode(kept.read_bytes(), type=Results) if kept.exists() else Results()

    def counted(what: str, done: set[int], total: int, count: Callable[[int, Path], None]) -> None:
        with Progress(console=console) as progress:
            task = progress.add_task(what, total=total, completed=len(done))
            for seed in (seed for seed in range(1, total + 1) if seed not in done):
                folder = Path(tempfile.mkdtemp(prefix="tickhouse-qualify-"))
                try:
                    count(seed, folder)
                finally:
                    shutil.rmtree(folder, ignore_errors=True)
                kept.write_bytes(msgspec.json.encode(results))
                PAGE.write_text(page(results))
                progress.advance(task)

    counted(
        "Seeds replayed",
        {one.seed for one in results.replays},
        wanted.seeds,
        lambda seed, folder: results.replays.append(replay(seed, folder)),
    )
    counted(
        "Rounds of kills",
        {one.seed for one in results.rounds},
        wanted.rounds,
        lambda seed, folder: results.rounds.append(kill_round(seed, folder)),
    )
    for name in wanted.suites:
        if name not in {one.name for one in results.suites if one.passed}:
            console.print(f"{PLANS[name].count:,} {name}")
            results.suites = [one for one in results.suites if one.name != name] + [run_suite(name)]
            kept.write_bytes(msgspec.json.encode(results))
    PAGE.write_text(page(results))
    passed = all(one.passed for one in results.replays) and all(one.passed for one in results.suites)
    passed = passed and not any(one.failures for one in results.rounds)
    console.print("[green]Everything passed[/]" if passed else f"[red]Something failed: see {PAGE}[/]")
    return 0 if passed else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted: run it again to go on.")
