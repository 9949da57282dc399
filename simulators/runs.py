"""What a history run is, and where its files lie.

The same seed, settings, reference data and days are the same run: the same identity, and the same files to the byte.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from simulators.calendar import TradingDay, trading_days
from streaming.contracts.reference import Instrument, Trader, instruments, traders

VERSION = 1
"""Rises with every change that makes the same settings give other commands."""


@dataclass(frozen=True)
class Run:
    """A seeded run of `days` trading days whose last is `end`.

    `listed` and `people` are everyone's reference data; `after` is the run that it follows on the same exchange.
    """

    seed: int
    days: int
    end: dt.date
    orders_per_day: int
    listed: tuple[Instrument, ...]
    people: tuple[Trader, ...]
    after: Run | None = None

    @property
    def identity(self) -> str:
        """A readable name that no other run has."""
        before = self.after.identity if self.after else None
        content = [VERSION, self.seed, self.days, str(self.end), self.orders_per_day, self.listed, self.people, before]
        digest = hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:12]
        return f"{self.end}-{self.days}d-s{self.seed}-{digest}"

    def trading_days(self) -> list[TradingDay]:
        """The days of the run, oldest first."""
        return trading_days(self.days, self.end)


@dataclass(frozen=True)
class DayFiles:
    """The files of one day. A day is finished once its state is there: it is written last."""

    folder: Path
    date: dt.date

    @property
    def commands(self) -> Path:
        """What was sent, in the file form of the topics."""
        return self.folder / f"{self.date}.commands.jsonl"

    @property
    def events(self) -> Path:
        """What the shadow market answered."""
        return self.folder / f"{self.date}.events.jsonl"

    @property
    def state(self) -> Path:
        """Balances and markets at the end of the day."""
        return self.folder / f"{self.date}.state.json"


def make_run(seed: int, days: int, end: dt.date, orders_per_day: int) -> Run:
    """A run over everybody in the reference data; NotATradingDayError where the market is closed on `end`."""
    trading_days(days, end)
    simulated = tuple(trader for trader in traders() if trader.kind == "simulated")
    return Run(seed, days, end, orders_per_day, instruments(), simulated)


def run_folder(home: Path, run: Run) -> Path:
    """Where the run's files are."""
    return home / "history" / run.identity


class Kept(msgspec.Struct):
    """What is written beside a run's files; `after` is an identity."""

    seed: int
    days: int
    end: dt.date
    orders_per_day: int
    after: str | None


def keep(folder: Path, run: Run) -> None:
    """Write down what run a folder is of."""
    after = run.after.identity if run.after else None
    kept = Kept(run.seed, run.days, run.end, run.orders_per_day, after)
    partial = folder / "run.json.partial"
    partial.write_bytes(msgspec.json.encode(kept))
    partial.replace(folder / "run.json")
