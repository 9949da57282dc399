"""What kind of days a run has: `--scenario NAME`, each a settings file in `scenarios/`.

A scenario changes the value's path, who takes part, and what is done to the market; the seed stays what all the rest
follows from.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat

from simulators.errors import SettingsError
from simulators.population import read_toml

HERE = Path(__file__).parent / "scenarios"

At = Annotated[float, Field(ge=0, le=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class News(_Model):
    """The value moves by `change` (a share of it) within `minutes`, from `at` (0: the open, 1: the close) on.

    `target` is "all", a symbol, or a sector. `rebound` is the share of it that comes back, over `rebound_minutes`.
    """

    at: At
    change: Annotated[float, Field(gt=-1, lt=1)]
    target: str = "all"
    minutes: PositiveFloat = 1
    rebound: Annotated[float, Field(ge=0, le=1)] = 0
    rebound_minutes: PositiveFloat = 60


class FatFinger(_Model):
    """An institution sends one order by mistake: `times` the usual quantity of its large orders, at a wrong price."""

    at: At
    side: Literal["buy", "sell"]
    times: PositiveFloat
    symbols: Annotated[int, Field(ge=1)] = 1


class Halting(_Model):
    """Trading is halted by hand, and resumed after `minutes` with an auction."""

    at: At
    minutes: PositiveFloat
    target: str = "all"


class Scenario(_Model):
    """Changes to a usual day. `liquidity` and `activity` multiply the makers' sizes, and everyone's turns."""

    name: str = "calm"
    description: str = ""
    drift: float = 0.0
    volatility: PositiveFloat = 1.0
    activity: PositiveFloat = 1.0
    liquidity: PositiveFloat = 1.0
    spread: PositiveFloat = 1.0
    news: list[News] = []
    fat_finger: list[FatFinger] = []
    halt: list[Halting] = []

    def returns(self, symbol: str, sector: str, minutes: int) -> NDArray[np.float64]:
        """What the scenario adds to a value's return in each minute of a day."""
        found = np.full(minutes, self.drift / minutes)
        for news in self.news:
            if not concerns(news.target, symbol, sector):
                continue
            begin = min(int(news.at * minutes), minutes - 1)
            end = min(begin + max(1, round(news.minutes)), minutes)
            found[begin:end] += news.change / max(1, round(news.minutes))
            last = min(end + round(news.rebound_minutes), minutes)
            if last > end:
                found[end:last] -= news.change * news.rebound / max(1, round(news.rebound_minutes))
        return found


CALM = Scenario()


def concerns(target: str, symbol: str, sector: str) -> bool:
    """Whether a target means a symbol of a sector."""
    return target in ("all", symbol, sector)


def scenarios() -> list[str]:
    """The names of the scenarios that come with Tickhouse."""
    return sorted(path.stem for path in HERE.glob("*.toml"))


@lru_cache
def load_scenario(name: str) -> Scenario:
    """The scenario of a name, or of a file; SettingsError where there is none, or it says something wrong."""
    path = Path(name) if name.endswith(".toml") else HERE / f"{name}.toml"
    if not name.endswith(".toml") and name not in scenarios():
        raise SettingsError(f"there is no scenario {name!r}: there are {', '.join(scenarios())}, or give a .toml file")
    found = read_toml(path, Scenario)
    return Scenario.model_validate({"name": path.stem, **found})
