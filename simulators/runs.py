"""What a history run is, and where its files lie.

The same seed, settings, reference data and days are the same run: the same identity, and the same files to the byte.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from simulators.calendar import TradingDay, trading_days
from simulators.population import Institution, MarketMaker, Population, load_population
from simulators.prices import bounds
from simulators.roster import Roster
from simulators.scenario import CALM, Scenario
from streaming.contracts.reference import Instrument, Trader, instruments, traders

VERSION = 3
"""Rises with every change that makes the same settings give other commands."""


@dataclass(frozen=True)
class Run:
    """A seeded run of `days` trading days whose last is `end`.

    `listed` and `people` are everyone's reference data; `after` is the run that it follows on the same exchange.
    """

    seed: int
    days: int
    end: dt.date
    population: Population
    scenario: Scenario
    listed: tuple[Instrument, ...]
    people: tuple[Trader, ...]
    after: Run | None = None

    @property
    def identity(self) -> str:
        """A readable name that no other run has."""
        before = self.after.identity if self.after else None
        settings = [self.population.model_dump_json(), self.scenario.model_dump_json()]
        content = [VERSION, self.seed, self.days, str(self.end), settings, self.listed, self.people, before]
        digest = hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:12]
        return f"{self.end}-{self.days}d-s{self.seed}-{digest}"

    def roster(self) -> Roster:
        """The traders in their groups."""
        return Roster(self.population, self.people, self.scenario)

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
    def truth(self) -> Path:
        """The labels of the abuse that was planted: one `Episode` a line."""
        return self.folder / f"{self.date}.truth.jsonl"

    @property
    def state(self) -> Path:
        """Balances and markets at the end of the day."""
        return self.folder / f"{self.date}.state.json"


def make_run(
    seed: int,
    days: int,
    end: dt.date,
    orders_per_day: int | None = None,
    population: Population | None = None,
    scenario: Scenario = CALM,
) -> Run:
    """A run over everybody in the reference data.

    `orders_per_day` takes the place of the population's ordinary turns, of all symbols together. NotATradingDayError
    where the market is closed on `end`, SettingsError where the population does not fit the reference data.
    """
    trading_days(days, end)
    simulated = tuple(trader for trader in traders() if trader.kind == "simulated")
    people = sized(population or load_population(), orders_per_day)
    run = Run(seed, days, end, people, scenario, instruments(), simulated)
    run.roster()
    if people.prices is not None:
        for day in run.trading_days():
            for symbol in people.prices.columns:
                bounds(people.prices, symbol, day.date)
    return run


def sized(population: Population, orders_per_day: int | None) -> Population:
    """The population with so many turns a full day, of all symbols together; the others come as much less often."""
    if orders_per_day is None:
        return population
    turns = max(1, orders_per_day // len(instruments()))
    times = turns / population.market.turns_per_day
    market = population.market.model_copy(update={"turns_per_day": turns})
    groups = []
    for group in population.group:
        changed: dict[str, float] = {}
        if isinstance(group, MarketMaker):
            changed["every_minutes"] = max(1, round(group.every_minutes / times))
        elif isinstance(group, Institution):
            changed["parents_per_day"] = group.parents_per_day * min(times, 1.0)
        groups.append(group.model_copy(update=changed))
    return population.model_copy(update={"market": market, "group": groups})


def run_folder(home: Path, run: Run) -> Path:
    """Where the run's files are."""
    return home / "history" / run.identity


class Kept(msgspec.Struct):
    """What is written beside a run's files; `after` is an identity, the settings are the models' own JSON."""

    seed: int
    days: int
    end: dt.date
    population: msgspec.Raw
    scenario: msgspec.Raw
    after: str | None


def keep(folder: Path, run: Run) -> None:
    """Write down what run a folder is of."""
    after = run.after.identity if run.after else None
    population = msgspec.Raw(run.population.model_dump_json().encode())
    scenario = msgspec.Raw(run.scenario.model_dump_json().encode())
    kept = Kept(run.seed, run.days, run.end, population, scenario, after)
    partial = folder / "run.json.partial"
    partial.write_bytes(msgspec.json.encode(kept))
    partial.replace(folder / "run.json")


def kept_run(folder: Path) -> Run | None:
    """The run of a folder; None where it is of other reference data, of an older version, or incomplete."""
    try:
        kept = msgspec.json.decode((folder / "run.json").read_bytes(), type=Kept)
        population = Population.model_validate_json(bytes(kept.population))
        scenario = Scenario.model_validate_json(bytes(kept.scenario))
        run = make_run(kept.seed, kept.days, kept.end, None, population, scenario)
    except (OSError, msgspec.DecodeError, ValueError):
        return None
    if kept.after is not None:
        before = kept_run(folder.parent / kept.after)
        if before is None:
            return None
        run = replace(run, after=before)
    return run if run.identity == folder.name else None
