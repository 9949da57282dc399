"""What a share is worth: one value per symbol and minute, which the traders see through noise.

A factor model: the return of a minute is beta times the market's, plus the sector's, plus the symbol's own (W. F.
Sharpe, Management Science 9(2), 1963; sectors as in the Barra models). Each factor has stochastic volatility: within
the day GJR-GARCH(1,1), in which falls excite more than rises (L. Glosten, R. Jagannathan, D. Runkle, Journal of Finance
48(5), 1993); over days a slow autoregressive level; and within the day the U-shape of T. G. Andersen, T. Bollerslev
(Journal of Empirical Finance 4, 1997). Rare large jumps come on top (R. C. Merton, Journal of Financial Economics 3,
1976), and the value is drawn back to the instrument's first price (Ornstein and Uhlenbeck), as in the "oracle" of
ABIDES (arXiv:1904.12066).

A day's path starts from the day's reference price, so whoever knows seed, symbol, date and reference price knows it:
services need not share state. Only operations that IEEE 754 rounds exactly are used on the drawn numbers, so that it is
the same path on every machine.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulators.population import Fundamental, Prices
from simulators.prices import bounds
from simulators.scenario import CALM, Scenario
from streaming.contracts.reference import Instrument

MINUTES_A_DAY = 390
FARTHEST = 0.15
"""The value stays this close to the day's reference price: inside the collar, so that traders can always quote."""
LEVEL_DAYS = 45
LEVEL_PERSISTENCE = 0.94
"""The level of volatility remembers so many days, each this much of the one after it."""
BETAS = {
    "Technology": 1.3,
    "Energy": 1.1,
    "Financials": 1.1,
    "Health Care": 0.8,
    "Consumer Staples": 0.6,
    "Utilities": 0.5,
}

Floats = NDArray[np.float64]


def stream(seed: int, name: str, date: dt.date) -> np.random.Generator:
    """The random numbers of one thing (a symbol, a trader, the market) on one day."""
    return np.random.default_rng([seed, date.toordinal(), *name.encode()])


def day_path(
    seed: int,
    instrument: Instrument,
    date: dt.date,
    reference: int,
    minutes: int,
    model: Fundamental,
    scenario: Scenario = CALM,
    prices: Prices | None = None,
) -> list[int]:
    """The value, in 1/10,000 dollar, at the start of each of the day's `minutes`.

    Where `prices` tells where the symbol begins and ends the day, the model only fills the time between (a bridge).
    """
    calm = scenario.volatility
    symbol, sector = instrument.symbol, instrument.sector
    own = _factor(seed, f"own {symbol}", date, minutes, model, model.own_volatility * calm)
    shared = _factor(seed, f"sector {sector}", date, minutes, model, model.sector_volatility * calm)
    market = _factor(seed, "market", date, minutes, model, model.market_volatility * calm)
    random = stream(seed, f"jumps {symbol}", date)
    jumps = (random.random(minutes) < model.jumps_per_day / MINUTES_A_DAY) * random.standard_normal(minutes)
    returns = BETAS.get(sector, 1.0) * market + shared + own + jumps * model.jump_volatility
    returns = returns + scenario.returns(symbol, sector, minutes)
    told = None if prices is None else bounds(prices, symbol, date)
    if told is not None:
        begin, end = instrument.initial_price * told[0], instrument.initial_price * told[1]
        walk = begin * (1.0 + np.cumsum(returns))
        bridge = walk + (end - walk[-1]) * (np.arange(1, minutes + 1) / minutes)
        return [round(value) for value in bridge.tolist()]
    value = reference * (1.0 + random.standard_normal() * model.own_volatility * model.overnight)
    low, high = reference * (1.0 - FARTHEST), reference * (1.0 + FARTHEST)
    mean, pull = float(instrument.initial_price), 0.6931 / (model.half_life_days * MINUTES_A_DAY)
    path = []
    for change in returns.tolist():
        value = min(max(value + pull * (mean - value) + value * change, low), high)
        path.append(round(value))
    return path


def correlations(listed: Sequence[Instrument], model: Fundamental) -> Floats:
    """What the model says of the symbols' returns, jumps included: (symbols, symbols), in the order of `listed`."""
    betas = np.array([BETAS.get(item.sector, 1.0) for item in listed])
    sectors = np.array([item.sector for item in listed])
    own = model.own_volatility**2 + model.jumps_per_day * model.jump_volatility**2
    covariances = np.outer(betas, betas) * model.market_volatility**2
    covariances = covariances + (sectors[:, None] == sectors) * model.sector_volatility**2 + np.eye(len(listed)) * own
    deviations = np.sqrt(np.diag(covariances))
    found: Floats = covariances / np.outer(deviations, deviations)
    return found


@lru_cache(maxsize=256)
def _factor(seed: int, name: str, date: dt.date, minutes: int, model: Fundamental, volatility: float) -> Floats:
    """A factor's return in each minute; a day's standard deviation is `volatility` on average."""
    draws = stream(seed, name, date).standard_normal(minutes).tolist()
    level = _level(seed, name, date, model)
    a, b, c = model.arch, model.persistence, model.leverage
    rest = 1.0 - a - b - c / 2.0
    variance, found = 1.0, []
    for draw in draws:
        shock = draw * variance**0.5
        found.append(shock)
        square = shock * shock
        variance = rest + b * variance + (a + c if shock < 0 else a) * square
    x = (np.arange(minutes) + 0.5) * (2.0 / minutes) - 1.0
    shape = 1.0 + 1.2 * x * x
    shape = shape / (np.cumsum(shape * shape)[-1] / minutes) ** 0.5
    returns: Floats = np.array(found) * shape * (volatility * level * MINUTES_A_DAY**-0.5)
    return returns


@lru_cache(maxsize=256)
def _level(seed: int, name: str, date: dt.date, model: Fundamental) -> float:
    """How volatile a factor is on a day, 1 on average: it changes slowly from day to day."""
    level, weight = 1.0, model.volatility_of_volatility
    for back in range(LEVEL_DAYS):
        level += weight * _surprise(seed, name, date.toordinal() - back)
        weight *= LEVEL_PERSISTENCE
    return min(max(level, 0.4), 2.5)


@lru_cache(maxsize=8192)
def _surprise(seed: int, name: str, day: int) -> float:
    return float(stream(seed, f"volatility {name}", dt.date.fromordinal(day)).standard_normal())
