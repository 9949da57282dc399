"""The same statistics of real daily prices: S&P 500, Nasdaq composite and WTI crude oil, as `arch` carries them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulators.realism import returns

Floats = NDArray[np.float64]

LEVELS = np.geomspace(0.5, 30, 60)
"""Returns, in standard deviations, at which the tail of the distribution is told."""
DAILY_TAIL = 0.025
"""The share of a daily series that Hill's estimate takes for the tail: 125 of twenty years' days."""


@lru_cache
def daily_returns() -> dict[str, Floats]:
    """Log returns of each series, (1, days)."""
    from arch.data import nasdaq, sp500, wti

    found = {}
    for name, series in (
        ("S&P 500", sp500.load()["Adj Close"]),
        ("Nasdaq", nasdaq.load()["Adj Close"]),
        ("WTI", wti.load()["DCOILWTICO"]),
    ):
        prices = series.dropna().to_numpy(dtype=float)
        found[name] = np.diff(np.log(prices))[None, :]
    return found


@lru_cache
def measures() -> dict[str, dict[str, float]]:
    """By measure and series; days stand for the minutes of a simulated one."""
    table: dict[str, dict[str, float]] = {}
    for name, series in daily_returns().items():
        rho, volatility = np.abs(returns.autocorrelation(series, 30)), returns.autocorrelation(np.abs(series), 127)
        persistence, p = returns.garch(series.ravel())
        for key, value in {
            "autocorrelation.largest": float(rho.max()),
            "autocorrelation.far": float(rho[14:].mean()),
            "kurtosis.day": returns.excess_kurtosis(series),
            "hill": returns.hill(series, DAILY_TAIL),
            "volatility.near": float(volatility[:10].mean()),
            "volatility.far": float(volatility[50:60].mean()),
            "volatility.exponent": returns.decay_exponent(volatility),
            "leverage": returns.leverage(series, 30),
            "garch.persistence": persistence,
            "garch.p": p,
        }.items():
            table.setdefault(key, {})[name] = value
    return table


def curves(name: str) -> dict[str, Floats]:
    """What the plots show of a series: as `Measured.curves`."""
    series = daily_returns()[name]
    standard = np.abs(series) / series.std()
    return {
        "rho": returns.autocorrelation(series, 127),
        "rho_volatility": returns.autocorrelation(np.abs(series), 127),
        "tail": np.array([np.mean(standard > level) for level in LEVELS]),
    }
