"""The whole platform at work: history and live trading through every component, reconciled, with a summary."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files

import httpx
import psycopg
from confluent_kafka import KafkaException
from dagster_graphql import DagsterGraphQLClientError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from lakehouse.progress import TableState, table_states
from orchestration.reconciliation import Report as Reconciliation
from orchestration.reconciliation import UnreachableError, reconcile
from orchestration.run import Run as DagsterRun
from orchestration.run import Step, launch
from simulators.differential import differential
from simulators.history import generate
from simulators.publish import WrongExchangeError, publish
from simulators.runs import Run
from stack import demo_report
from stack.commands.books import show as show_report
from stack.dashboards import MAY_BE_EMPTY, chart_data
from stack.settings import StackSettings
from stack.supervisor import down, up

TRADERS = ["clock", "buyers", "sellers"]
SETTLED = (files("stack") / "sql" / "settled.sql").read_text(encoding="utf-8")
UNREACHABLE = (
    KafkaException,
    psycopg.Error,
    httpx.HTTPError,
    DagsterGraphQLClientError,
    TimeoutError,
    UnreachableError,
)


class DemoError(RuntimeError):
    """A stage did not end as it must; the message says which, and what to do."""


@dataclass
class Outcome:
    """What the stages found. Times in seconds by stage; rates are items a second."""

    seconds: dict[str, float] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    before: list[TableState] = field(default_factory=list)
    after: list[TableState] = field(default_factory=list)
    dagster: DagsterRun | None = None
    reconciliation: Reconciliation | None = None


@dataclass(frozen=True)
class Bar:
    """A stage's progress bar: called with what is done, and of how much."""

    progress: Progress
    task: TaskID

    def __call__(self, done: int, of: int) -> None:
        """Move to `done` of `of`."""
        self.progress.update(self.task, completed=done, total=of, count=f"{done:,}/{of:,}")

    def say(self, words: str) -> None:
        """Tell what goes on, where it cannot be counted."""
        self.progress.update(self.task, count=words[:40])


class Demo:
    """Plays the stages in order; each one that fails ends it with a DemoError."""

    def __init__(self, settings: StackSettings, run: Run, live_seconds: int, console: Console) -> None:
        self.settings = settings
        self.run = run
        self.live_seconds = live_seconds
        self.console = console
        self.outcome = Outcome()
        self.began = 0.0

    def play(self) -> None:
        """All of it, summary included."""
        self.start()
        self.trade_history()
        self.settle()
        self.nightly()
        self.trade_live()
        self.prove()
        demo_report.show(self.console, self.settings, self.run, self.outcome)

    def start(self) -> None:
        """Every server but the traders."""
        with self._stage("Start the stack", total=None):
            up(self.settings, traders=False)

    def trade_history(self) -> None:
        """Days of trading against a shadow market, then the same commands through Kafka and the engine."""
        minutes = sum(day.minutes for day in self.run.trading_days())
        with self._stage("Shadow market (minutes)", minutes) as bar:
            done: dict[object, int] = {}

            def traded(day: object, count: int) -> None:
                done[day] = count
                bar(sum(done.values()), minutes)

            generate(self.settings.home, self.run, traded)
        self.began = time.time()
        with self._stage("Publish orders (messages)", None) as bar:
            try:
                published = publish(self.settings, self.run, bar)
            except WrongExchangeError as error:
                raise DemoError(str(error)) from error
        with self._stage("Match and compare (events)", None) as bar:
            report = differential(self.settings, self.run, bar)
        if not report.agrees:
            raise DemoError(f"The engine did not do what the shadow market did: {report.first_difference}")
        if published.commands:
            self.outcome.rates["Engine: commands"] = published.commands / (time.time() - self.began)
        self.outcome.counts |= {
            "Commands sent": published.commands,
            "Events, equal to the shadow's": report.compared,
            "Trades of the history": report.trades,
        }

    def settle(self) -> None:
        """Wait until PostgreSQL and the lake have everything, and compare."""
        self._reconcile("Settle, write the lake, reconcile")
        trades, seconds = self._settled()
        states = [state for state in table_states(self.settings) if state.committed]
        writing = max((state.committed.timestamp() for state in states if state.committed), default=0) - self.began
        if "Engine: commands" in self.outcome.rates and seconds > 0:
            self.outcome.rates["Settlement: trades"] = trades / seconds
            self.outcome.rates["Flink: rows into Iceberg"] = sum(state.rows for state in states) / writing

    def nightly(self) -> None:
        """Compaction, marts with their tests, reconciliation: one run of Dagster's."""
        self.outcome.before = table_states(self.settings)
        with self._stage("Dagster: compact, dbt, reconcile", None) as bar:
            ended: set[str] = set()
            started: set[str] = set()

            def told(step: Step) -> None:
                started.add(step.name)
                if step.seconds is not None:
                    ended.add(step.name)
                bar(len(ended), len(started))

            self.outcome.dagster = launch(self.settings, progress=told)
        self.outcome.after = table_states(self.settings)
        if not self.outcome.dagster.succeeded:
            raise DemoError(f"Dagster's run {self.outcome.dagster.state}: see {self.outcome.dagster.url}")
        with self._stage("Superset: every chart's data", None):
            empty = [name for name, rows in chart_data(self.settings).items() if not rows and name not in MAY_BE_EMPTY]
        if empty:
            raise DemoError(f"Charts without data: {', '.join(empty)}")

    def trade_live(self) -> None:
        """Buyers and sellers beside each other for a while."""
        with self._stage("Start buyers and sellers", total=None):
            up(self.settings, TRADERS)
        before = self._settled()[0]
        with self._stage("Trade live (seconds)", self.live_seconds) as bar:
            for second in range(self.live_seconds):
                time.sleep(1)
                bar(second + 1, self.live_seconds)
            down(self.settings, TRADERS)
        self.outcome.counts["Trades before live trading"] = before

    def prove(self) -> None:
        """Everything once more, the live trades included."""
        self._reconcile("Reconcile all")
        self.outcome.counts["Live trades"] = self._settled()[0] - self.outcome.counts.pop("Trades before live trading")
        if not self.outcome.counts["Live trades"]:
            raise DemoError("Nobody traded live: see `tickhouse logs buyers` and `tickhouse logs sellers`")

    @contextmanager
    def _stage(self, name: str, total: int | None) -> Iterator[Bar]:
        """Times a stage and shows its bar."""
        began = time.monotonic()
        columns = (TextColumn("{task.description:<36}"), BarColumn(), TextColumn("{task.fields[count]:>17}"))
        with Progress(*columns, TimeElapsedColumn(), console=self.console) as progress:
            task = progress.add_task(name, total=total, count="")
            try:
                yield Bar(progress, task)
            except UNREACHABLE as error:
                raise DemoError(f"{name}: {error}. `tickhouse status` and `tickhouse logs NAME` tell more.") from error
            progress.update(task, completed=1, total=1)
        self.outcome.seconds[name] = time.monotonic() - began

    def _reconcile(self, stage: str) -> None:
        with self._stage(stage, None) as bar:
            report = self.outcome.reconciliation = reconcile(self.settings, bar.say)
        if not report.passed:
            show_report(report, self.console)
            raise DemoError("Kafka, Iceberg and PostgreSQL do not agree")

    def _settled(self) -> tuple[int, float]:
        """Trades in the ledger, and the seconds between the first and the last posting."""
        with psycopg.connect(self.settings.postgres()) as connection:
            trades, seconds = connection.execute(SETTLED).fetchone() or (0, 0.0)
        return int(trades), float(seconds)
