"""What a share is worth: one value per symbol and minute, which the traders see through noise.

The value follows a mean-reverting (Ornstein-Uhlenbeck) process with rare large shocks, as the "oracle" of the ABIDES
market simulator does: D. Byrd, M. Hybinette, T. Balch, "ABIDES: Towards High-Fidelity Market Simulation for AI
Research" (arXiv:1904.12066, 2019) and D. Byrd, "Explaining Agent-Based Financial Market Simulation"
(arXiv:1909.11650, 2019). Here it is discretised to minutes, reverts to the instrument's first price, and shares a
market factor (weight: the sector's beta) with the other symbols.

A day's path starts from the day's reference price, so whoever knows seed, symbol, date and reference price knows it:
services need not share state. Only operations that IEEE 754 rounds exactly are used, so that it is the same path on
every machine.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from streaming.contracts.reference import Instrument

MINUTES_A_DAY = 390
MARKET_VOLATILITY = 0.009
"""Standard deviation of the market factor's return over a day."""
OWN_VOLATILITY = 0.013
"""Standard deviation of a symbol's own return over a day."""
OVERNIGHT = 0.35
"""The overnight gap's standard deviation, as a share of a day's own volatility."""
REVERSION = 0.023 / MINUTES_A_DAY
"""Pull towards the long-run mean a minute: a half-life of 30 trading days."""
SHOCKS_A_DAY = 0.25
SHOCK_VOLATILITY = 0.012
FARTHEST = 0.15
"""The value stays this close to the day's reference price: inside the collar, so that traders can always quote."""
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


def day_path(seed: int, instrument: Instrument, date: dt.date, reference: int, minutes: int) -> list[int]:
    """The value, in 1/10,000 dollar, at the start of each of the day's `minutes`."""
    own = stream(seed, f"fundamental {instrument.symbol}", date)
    beta = BETAS.get(instrument.sector, 1.0)
    per_minute = MINUTES_A_DAY**-0.5
    returns = own.standard_normal(minutes) * (OWN_VOLATILITY * per_minute)
    returns = returns + beta * _market_returns(seed, date, minutes) + _shocks(own, minutes)
    value = reference * (1.0 + own.standard_normal() * OWN_VOLATILITY * OVERNIGHT)
    low, high = reference * (1.0 - FARTHEST), reference * (1.0 + FARTHEST)
    mean = float(instrument.initial_price)
    path = []
    for change in returns.tolist():
        value = min(max(value + REVERSION * (mean - value) + value * change, low), high)
        path.append(round(value))
    return path


@lru_cache(maxsize=4)
def _market_returns(seed: int, date: dt.date, minutes: int) -> Floats:
    draws = stream(seed, "market", date).standard_normal(minutes)
    returns: Floats = draws * (MARKET_VOLATILITY * MINUTES_A_DAY**-0.5)
    return returns


def _shocks(own: np.random.Generator, minutes: int) -> Floats:
    hits = own.random(minutes) < SHOCKS_A_DAY / MINUTES_A_DAY
    shocks: Floats = hits * own.standard_normal(minutes) * SHOCK_VOLATILITY
    return shocks
