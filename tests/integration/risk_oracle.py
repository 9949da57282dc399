"""The risk marts worked out a second time, by empyrical where it has the measure, or else by numpy, scipy and pandas.

Each function gives the mart's rows from those of the marts that it reads, as a frame whose index is the mart's key.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import empyrical
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import xlogy
from scipy.stats import chi2, norm

from streaming.contracts.reference import instruments
from streaming.contracts.settings import PROJECT

KEY = ["trader_id", "trading_date"]
LOOKBACK, ENOUGH_95, ENOUGH_99 = 250, 20, 100
CHANCES = {95: 0.05, 99: 0.01}
QUANTILES = {level: norm.ppf(chance) for level, chance in CHANCES.items()}
# The mean of a standard normal below its quantile: integrated, not the closed form.
TAILS = {level: norm.expect(ub=quantile, conditional=True) for level, quantile in QUANTILES.items()}
Floats = NDArray[np.float64]


def by_trader(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for _, rows in frame.sort_values(KEY).groupby("trader_id"):
        yield rows


def portfolio_returns(performance: pd.DataFrame) -> pd.DataFrame:
    found = []
    for rows in by_trader(performance):
        squares = rows["daily_return"].dropna() ** 2
        deviations = np.sqrt(squares.ewm(alpha=0.06, adjust=False).mean()).reindex(rows.index).ffill()
        for number, (index, row) in enumerate(rows.iterrows(), start=1):
            window = rows["daily_return"].iloc[max(0, number - LOOKBACK) : number].dropna().to_numpy()
            measures = {f"{name}_{level}": np.nan for name in NAMES for level in CHANCES}
            if len(window) >= ENOUGH_95:
                measures |= measured(window, deviations[index])
            if len(window) < ENOUGH_99:
                measures |= {"value_at_risk_99": np.nan, "expected_shortfall_99": np.nan}
            value = float(row["closing_value"])
            amounts = {f"value_at_risk_{level}_amount": measures[f"value_at_risk_{level}"] * value for level in CHANCES}
            kept = {name: row[name] for name in [*KEY, "closing_value", "daily_return"]}
            found.append({**kept, "observations": len(window), **measures, **amounts})
    return pd.DataFrame(found).set_index(KEY)


NAMES = [
    "value_at_risk", "expected_shortfall", "normal_value_at_risk", "normal_expected_shortfall", "ewma_value_at_risk",
    "ewma_expected_shortfall",
]  # fmt: skip


def measured(window: Floats, ewma: float) -> dict[str, float]:
    """All measures of one window of returns, `ewma` being the exponentially weighted deviation."""
    found = {}
    for level, chance in CHANCES.items():
        mean, deviation = window.mean(), window.std(ddof=1)
        found[f"value_at_risk_{level}"] = -empyrical.value_at_risk(window, cutoff=chance)
        found[f"expected_shortfall_{level}"] = -empyrical.conditional_value_at_risk(window, cutoff=chance)
        found[f"normal_value_at_risk_{level}"] = -(mean + deviation * QUANTILES[level])
        found[f"normal_expected_shortfall_{level}"] = -(mean + deviation * TAILS[level])
        found[f"ewma_value_at_risk_{level}"] = -ewma * QUANTILES[level]
        found[f"ewma_expected_shortfall_{level}"] = -ewma * TAILS[level]
    return found


def portfolio_risk(performance: pd.DataFrame, index: pd.DataFrame, positions: pd.DataFrame) -> pd.DataFrame:
    market = index.set_index("trading_date")["market_return"]
    values = positions.assign(value=positions["market_value"].astype(float)).groupby(KEY)["value"]
    concentrations = values.agg(lambda held: ((held / held.sum()) ** 2).sum())
    found = []
    for rows in by_trader(performance):
        returns = rows["daily_return"].to_numpy(dtype=float)
        markets = market.reindex(rows["trading_date"]).to_numpy()
        for number, row in enumerate(rows.itertuples(), start=1):
            so_far = np.nan_to_num(returns[:number])
            wealth = np.concatenate([[1], empyrical.cum_returns(so_far, starting_value=1)])
            window, benchmark = (each[max(0, number - LOOKBACK) : number] for each in (returns, markets))
            known = ~np.isnan(window)
            with np.errstate(all="ignore"):
                sharpe, sortino = empyrical.sharpe_ratio(window[known]), empyrical.sortino_ratio(window[known])
            shares = [
                float(exposure) / float(row.closing_value) if row.closing_value else np.nan
                for exposure in (row.gross_exposure, row.net_exposure)
            ]
            found.append(
                {
                    "trader_id": row.trader_id, "trading_date": row.trading_date, "observations": known.sum(),
                    "drawdown": wealth[-1] / wealth.max() - 1, "max_drawdown": empyrical.max_drawdown(so_far),
                    "sharpe_ratio": sharpe if np.isfinite(sharpe) else np.nan,
                    "sortino_ratio": sortino if np.isfinite(sortino) else np.nan,
                    "beta": empyrical.beta(window[known], benchmark[known]) if known.sum() > 1 else np.nan,
                    "concentration": concentrations.get((row.trader_id, row.trading_date), np.nan),
                    "gross_exposure_share": shares[0], "net_exposure_share": shares[1],
                }
            )  # fmt: skip
    return pd.DataFrame(found).set_index(KEY)


def risk_backtest(returns: pd.DataFrame) -> pd.DataFrame:
    """`returns` being portfolio_returns."""
    found = {}
    for rows in by_trader(returns):
        for method, prefix in {"historical": "", "normal": "normal_", "ewma": "ewma_"}.items():
            for level, chance in CHANCES.items():
                forecast = rows[f"{prefix}value_at_risk_{level}"].astype(float).shift(1)
                known = forecast.notna() & rows["daily_return"].notna()
                if known.any():
                    failed = (rows["daily_return"] < -forecast)[known].to_numpy()
                    found[rows["trader_id"].iloc[0], method, level] = backtest(failed, chance)
    return pd.DataFrame(found).T.rename_axis(["trader_id", "method", "confidence"])


def backtest(failed: NDArray[np.bool_], chance: float) -> dict[str, float]:
    """Kupiec's and Christoffersen's tests of a row of days on which a forecast failed or not."""
    count, failures = len(failed), failed.sum()
    kupiec = 2 * (likelihood(failures, count, failures / count) - likelihood(failures, count, chance))
    matrix = np.zeros((2, 2))
    for before, after in pairwise(failed):
        matrix[int(before), int(after)] += 1
    second = matrix[:, 1].sum()
    pooled = likelihood(second, matrix.sum(), second / max(matrix.sum(), 1))
    chained = sum(likelihood(row[1], row.sum(), row[1] / max(row.sum(), 1)) for row in matrix)
    independence = 2 * (chained - pooled)
    return {
        "days": count, "exceptions": failures, "expected_exceptions": count * chance,
        "consecutive_exceptions": matrix[1, 1], "kupiec": kupiec, "kupiec_p": chi2.sf(kupiec, 1),
        "independence": independence, "independence_p": chi2.sf(independence, 1),
        "conditional_coverage": kupiec + independence, "conditional_coverage_p": chi2.sf(kupiec + independence, 2),
    }  # fmt: skip


def likelihood(hits: float, count: float, chance: float) -> float:
    return float(xlogy(hits, chance) + xlogy(count - hits, 1 - chance))


def symbol_correlations(volatility: pd.DataFrame) -> pd.DataFrame:
    wide = volatility.pivot(index="trading_date", columns="symbol", values="log_return").sort_index().tail(LOOKBACK)
    return pd.DataFrame(
        {
            (one, other): {
                "trading_date": wide.index[-1], "observations": len(wide), "correlation": wide[one].corr(wide[other])
            }
            for one in wide
            for other in wide
        }
    ).T.rename_axis(["symbol", "other_symbol"])  # fmt: skip


def stress_tests(values: pd.DataFrame, positions: pd.DataFrame) -> pd.DataFrame:
    """`values` being portfolio_value. Money stays decimal."""
    sectors = {item.symbol: item.sector for item in instruments()}
    with (PROJECT / "dbt" / "seeds" / "stress_shocks.csv").open() as file:
        shocks = {(row["scenario"], row["sector"]): Decimal(row["shock"]) for row in csv.DictReader(file)}
    held: dict[Any, list[tuple[str, Decimal]]] = {}
    for row in positions.itertuples():
        held.setdefault((row.trader_id, row.trading_date), []).append((sectors[row.symbol], row.market_value))
    found = {}
    for row in values.itertuples():
        for scenario in {scenario for scenario, _ in shocks}:
            own = held.get((row.trader_id, row.trading_date), [])
            change = sum((shocks[scenario, sector] * value for sector, value in own), Decimal(0))
            found[row.trader_id, row.trading_date, scenario] = {
                "total_value": row.total_value, "value_change": change, "stressed_value": row.total_value + change,
                "change_share": float(change) / float(row.total_value) if row.total_value else np.nan,
            }  # fmt: skip
    return pd.DataFrame(found).T.rename_axis([*KEY, "scenario"])
