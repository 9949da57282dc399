"""A month's facts: each statistic of every symbol, what the symbols have in common, and the verdict."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulators.realism import flow, real, returns
from simulators.realism.bounds import FACTS, REQUIRED, Fact
from simulators.realism.market_data import STEPS, Month, SymbolMonth
from streaming.contracts.codec import MINUTE

Floats = NDArray[np.float64]

HORIZONS = (1, 5, 15, 30)
"""Horizons of the kurtosis, in minutes."""
VOLATILITY_LAGS = 127
SIGN_LAGS = 255
TAIL = 0.01
"""The share of the values that Hill's estimate takes for the tail: 80 of a month's minutes."""
EDGE = 30
"""Minutes that are the beginning, and the end, of the day."""
PARENT_GAP = 30 * MINUTE
"""The longest pause between two trades of one parent order."""
CORRELATION_MINUTES = 5
"""Epps (1979): over shorter intervals correlations fade."""
DEPTH_BINS = 100
"""Bins of half a spread in which the depth is told."""


LEAST_ORDERS = 2 * SIGN_LAGS
"""How many market orders a symbol must have for its statistics to mean anything."""


class TooQuietError(ValueError):
    """So little is traded that nothing can be measured."""


@dataclass(frozen=True)
class Value:
    """A measure of the month: the typical (median) symbol's, and every symbol's.

    Where it is of all symbols together, `symbols` is empty.
    """

    value: float
    symbols: tuple[float, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """A fact and whether it holds; `measures` are the keys of those that are out of their bounds."""

    fact: Fact
    holds: bool
    out: tuple[str, ...]


@dataclass
class Measured:
    """What was measured. `curves` are the averages over the symbols that the plots show, `parents` size and impact."""

    days: int
    first: dt.date
    last: dt.date
    symbols: tuple[str, ...]
    commands: int
    events: int
    values: dict[str, Value]
    real: dict[str, dict[str, float]]
    curves: dict[str, Floats] = field(repr=False)

    @property
    def verdicts(self) -> list[Verdict]:
        """Every fact, judged by the bounds."""
        found = []
        for fact in FACTS:
            judged = [measure for measure in fact.measures if measure.bounded]
            out = tuple(one.key for one in judged if not one.holds(self.values[one.key].value))
            found.append(Verdict(fact, not out, out))
        return found

    @property
    def holding(self) -> int:
        """How many of the counted facts hold."""
        return sum(verdict.holds for verdict in self.verdicts if verdict.fact.counted)

    @property
    def passed(self) -> bool:
        """Whether enough facts hold."""
        return self.holding >= REQUIRED


def measure(month: Month, sectors: Mapping[str, str], expected: Floats | None = None) -> Measured:
    """Every fact of a month.

    `sectors` names each symbol's sector; `expected` (symbols, symbols) are the correlations of a factor model, in the
    order of `month.symbols`, to be held against the measured ones. TooQuietError where a symbol hardly trades.
    """
    for symbol in month.symbols:
        if symbol.taker_time.size < LEAST_ORDERS:
            raise TooQuietError(
                f"{symbol.symbol} has {symbol.taker_time.size} market orders in {len(month.dates)} days; "
                f"its statistics need {LEAST_ORDERS}"
            )
    each: dict[str, list[float]] = {}
    curves: dict[str, list[Floats]] = {}
    common = _season(month)
    for symbol in month.symbols:
        for found, into in ((_prices(symbol, common), each), (_flow(symbol, month), each)):
            for key, value in found.items():
                into.setdefault(key, []).append(value)
        for key, curve in _curves(symbol, common).items():
            curves.setdefault(key, []).append(curve)
    means = {key: np.nanmean(np.array(found), axis=0) for key, found in curves.items()}
    means |= {f"season.{name}": profile for name, profile in common.items()}
    together = (
        _decays(means) | _u_shapes(common) | _impact(month, means) | _correlation(month, sectors, expected, means)
    )
    together["kurtosis.day"] = _daily_kurtosis(month)
    values = {key: Value(float(np.median(found)), tuple(found)) for key, found in each.items()}
    values |= {key: Value(value) for key, value in together.items()}
    for short, long in ((1, 5), (5, 30)):
        change = values[f"kurtosis.{long}"].value - values[f"kurtosis.{short}"].value
        values[f"kurtosis.from_{short}_to_{long}"] = Value(change)
    return Measured(
        days=len(month.dates),
        first=month.dates[0],
        last=month.dates[-1],
        symbols=tuple(symbol.symbol for symbol in month.symbols),
        commands=month.commands,
        events=month.events,
        values=values,
        real=real.measures(),
        curves=means,
    )


def _minutely(symbol: SymbolMonth) -> Floats:
    """(days, minutes): the mid price at the end of every minute."""
    return symbol.mid[:, STEPS - 1 :: STEPS]


def _season(month: Month) -> dict[str, Floats]:
    """What is usual at each minute of the day, over all symbols, each in units of its own mean."""
    volumes, moves = [], []
    for symbol in month.symbols:
        move = np.abs(returns.log_returns(_minutely(symbol)))
        volumes.append(symbol.volume / np.nanmean(symbol.volume))
        moves.append(move / np.nanmean(move))
    return {
        "volume": returns.daily_profile(np.concatenate(volumes)),
        "volatility": returns.daily_profile(np.concatenate(moves)),
    }


def _prices(symbol: SymbolMonth, season: Mapping[str, Floats]) -> dict[str, float]:
    mid = _minutely(symbol)
    minute = returns.log_returns(mid)
    rho = np.abs(returns.autocorrelation(minute, 30))
    moves = returns.without_season(np.abs(minute), season["volatility"])
    persistence, p = returns.garch(returns.without_season(minute, season["volatility"]).ravel())
    spread = symbol.spread
    shown = spread[~np.isnan(spread)]
    return {
        "autocorrelation.largest": float(rho.max()),
        "autocorrelation.far": float(rho[14:].mean()),
        **{f"kurtosis.{step}": returns.excess_kurtosis(returns.log_returns(mid, step)) for step in HORIZONS},
        "hill": returns.hill(minute, TAIL),
        "volume_volatility": returns.rank_correlation(
            returns.without_season(symbol.volume, season["volume"])[:, 1:], moves
        ),
        "leverage": returns.leverage(minute, 30),
        "garch.persistence": persistence,
        "garch.p": p,
        "spread.positive": float(np.mean(shown > 0)) if shown.size else float("nan"),
        "spread.median": float(np.median(shown)) * 10_000 if shown.size else float("nan"),
        "spread.half_life": flow.half_life(spread) / STEPS,
    }


def _flow(symbol: SymbolMonth, month: Month) -> dict[str, float]:
    profile = _depth(symbol)
    deepest, ratio = flow.hump(profile)
    gaps = flow.business_gaps(symbol.arrival_time, month.opens, month.minutes, MINUTE)
    return {
        "order_size": returns.hill(symbol.arrival_quantity.astype(float), TAIL),
        "arrivals.shape": flow.weibull_shape(gaps),
        "depth.deepest": float(deepest),
        "depth.ratio": ratio,
        "depth.far": float(profile[-1] / profile[deepest]) if profile[deepest] else float("nan"),
    }


def _depth(symbol: SymbolMonth) -> Floats:
    spread = float(np.nanmedian(symbol.ask - symbol.bid)) / symbol.tick
    return flow.depth_profile(symbol.depth, max(1, round(spread / 2)), DEPTH_BINS)


def _curves(symbol: SymbolMonth, season: Mapping[str, Floats]) -> dict[str, Floats]:
    minute = returns.log_returns(_minutely(symbol))
    moves = returns.without_season(np.abs(minute), season["volatility"])
    depth = _depth(symbol)
    standard = np.abs(minute[~np.isnan(minute)]) / np.nanstd(minute)
    return {
        "rho": returns.autocorrelation(minute, VOLATILITY_LAGS),
        "rho_volatility": returns.autocorrelation(moves, VOLATILITY_LAGS),
        "rho_signs": returns.autocorrelation(symbol.taker_sign[None, :].astype(float), SIGN_LAGS),
        "depth": depth / depth.mean() if depth.any() else depth,
        "tail": np.array([np.mean(standard > level) for level in real.LEVELS]),
    }


def _decays(means: Mapping[str, Floats]) -> dict[str, float]:
    volatility, signs = means["rho_volatility"], means["rho_signs"]
    return {
        "volatility.near": float(volatility[:10].mean()),
        "volatility.far": float(volatility[50:60].mean()),
        "volatility.exponent": returns.decay_exponent(volatility),
        "signs.first": float(signs[0]),
        "signs.exponent": returns.decay_exponent(signs),
    }


def _u_shapes(season: Mapping[str, Floats]) -> dict[str, float]:
    first, last = returns.u_shape(season["volume"], EDGE)
    first_move, last_move = returns.u_shape(season["volatility"], EDGE)
    return {
        "u_shape.first": first,
        "u_shape.last": last,
        "u_shape.volatility_first": first_move,
        "u_shape.volatility_last": last_move,
    }


def _impact(month: Month, means: dict[str, Floats]) -> dict[str, float]:
    sizes, impacts = [], []
    for symbol in month.symbols:
        found = flow.parents(
            symbol.taker_time,
            symbol.taker_sign,
            symbol.taker_quantity,
            symbol.taker_trader,
            symbol.taker_mid,
            symbol.taker_mid_after,
            PARENT_GAP,
        )
        day_volume = float(np.nansum(symbol.volume, axis=1).mean())
        day_volatility = float(np.sqrt(np.nansum(returns.log_returns(_minutely(symbol)) ** 2, axis=1).mean()))
        sizes.append(found.quantity / day_volume)
        impacts.append(found.impact / day_volatility)
    size, impact = np.concatenate(sizes), np.concatenate(impacts)
    means["impact"] = np.array(flow.impact_bins(size, impact, 12)) if size.size else np.empty((3, 0))
    exponent, error = flow.impact_exponent(size, impact)
    return {"impact.exponent": exponent, "impact.error": error, "impact.parents": float(size.size)}


def _correlation(
    month: Month, sectors: Mapping[str, str], expected: Floats | None, means: dict[str, Floats]
) -> dict[str, float]:
    moves = [returns.log_returns(_minutely(symbol), CORRELATION_MINUTES).ravel() for symbol in month.symbols]
    matrix = returns.correlations(np.array(moves).T)
    means["correlation"] = matrix
    within, across = returns.within_and_across(matrix, [sectors[symbol.symbol] for symbol in month.symbols])
    return {
        "correlation.within": within,
        "correlation.across": across,
        "correlation.excess": within - across,
        "correlation.agreement": float("nan") if expected is None else returns.agreement(matrix, expected),
    }


def _daily_kurtosis(month: Month) -> float:
    """Of close-to-close returns, each symbol's in units of its own deviation."""
    found = []
    for symbol in month.symbols:
        mid = _minutely(symbol)
        closes = np.array([row[~np.isnan(row)][-1] for row in mid if not np.isnan(row).all()])
        if closes.size > 2:
            daily = np.diff(np.log(closes))
            found.append((daily - daily.mean()) / daily.std())
    return returns.excess_kurtosis(np.concatenate(found)) if found else float("nan")
