"""The market marts worked out a second time, with pandas and numpy, from the small market's rows.

Every function gives a frame whose index is the mart's key, and whose columns are the mart's. Money is in whole units of
1/10,000 dollar, and only rounded at the end.
"""

from __future__ import annotations

from datetime import date, time
from typing import Any

import numpy as np
import pandas as pd

from tests.integration.small_market import MINUTE, Market, micros

KEY = ["symbol", "trading_date"]
HOUR = 60 * MINUTE
FIVE_MINUTES = 5 * MINUTE


def trading_date(moments: pd.Series[int]) -> pd.Series[Any]:
    return pd.to_datetime(moments, unit="us", utc=True).dt.tz_convert("America/New_York").dt.date


def of_day(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    return frame.assign(trading_date=trading_date(frame["event_time"]))


def close_time(day: date) -> int:
    return micros(day, time(16))


def half_up(numerator: float, denominator: float) -> int:
    return int((2 * int(numerator) + int(denominator)) // (2 * int(denominator)))


def bar(trades: pd.DataFrame, end: int) -> dict[str, Any]:
    """One bar of `trades`, in the feed's order, that lasts until `end`."""
    price, quantity = trades["price"].to_numpy(), trades["quantity"].to_numpy()
    stood = np.diff([*trades["event_time"], max(end, trades["event_time"].iloc[-1])])
    return {
        "open": price[0], "high": price.max(), "low": price.min(), "close": price[-1], "volume": quantity.sum(),
        "turnover": (price * quantity).sum(), "vwap": half_up((price * quantity).sum(), quantity.sum()),
        "twap": half_up((price * stood).sum(), stood.sum()) if stood.sum() else price[-1], "trades": len(trades),
    }  # fmt: skip


def bars_1h(market: Market) -> pd.DataFrame:
    trades = of_day(market.trades)
    hours = trades.groupby(["symbol", trades["event_time"] // HOUR * HOUR])
    return pd.DataFrame({key: bar(some, key[1] + HOUR) for key, some in hours}).T


def bars_1d(market: Market) -> pd.DataFrame:
    return pd.DataFrame({key: bar(some, close_time(key[1])) for key, some in of_day(market.trades).groupby(KEY)}).T


def realised(bars: pd.DataFrame, minutes: int) -> float:
    """Of one symbol's minute bars of one day, taken `minutes` at a time."""
    closes = bars.groupby(bars["event_time"] // (minutes * MINUTE))["close"].last().astype(float)
    squares = np.log(closes).diff().dropna() ** 2
    return float(np.sqrt(squares.sum())) if len(squares) else np.nan


def volatility_daily(market: Market) -> pd.DataFrame:
    days = bars_1d(market).astype(float)
    minutes = of_day(market.bars).groupby(KEY)
    found = pd.DataFrame(
        index=pd.MultiIndex.from_tuples([(symbol, day) for day, symbol in market.references], names=KEY)
    )
    reference = pd.Series({(symbol, day): price for (day, symbol), price in market.references.items()}, dtype=float)
    found["log_return"] = np.log(days["close"] / reference).reindex(found.index).fillna(0)
    for number in (1, 5):
        found[f"realised_{number}m"] = pd.Series({key: realised(bars, number) for key, bars in minutes})
    log_range, body = np.log(days["high"] / days["low"]), np.log(days["close"] / days["open"])
    found["parkinson"] = np.sqrt(log_range**2 / (4 * np.log(2)))
    found["garman_klass"] = np.sqrt(0.5 * log_range**2 - (2 * np.log(2) - 1) * body**2)
    squares = found["log_return"].pow(2).groupby(level="symbol")
    found["ewma"] = np.sqrt(squares.transform(lambda one: one.ewm(alpha=0.06, adjust=False).mean()))
    return found


def spreads_daily(market: Market) -> pd.DataFrame:
    quotes, trades = of_day(market.prices), of_day(market.trades)
    trades = trades[trades["aggressor_side"] != "none"]
    return pd.DataFrame(
        {
            (symbol, day): spreads(some, trades[(trades["symbol"] == symbol) & (trades["trading_date"] == day)], day)
            for (symbol, day), some in quotes.groupby(KEY)
        }
    ).T


def spreads(quotes: pd.DataFrame, trades: pd.DataFrame, day: date) -> dict[str, Any]:
    """One symbol's day."""
    quotes = quotes.sort_values(["last_sequence", "event_time"])
    quotes = quotes.assign(
        stood=np.diff([*quotes["event_time"], close_time(day)]), mid=(quotes["bid_price"] + quotes["ask_price"]) / 2
    )
    both = quotes.dropna(subset=["mid"])
    spread = both["ask_price"] - both["bid_price"]
    found: dict[str, Any] = {
        "quoted_spread": half_up((spread * both["stood"]).sum(), both["stood"].sum()),
        "quoted_spread_bps": np.average(10_000 * spread / both["mid"], weights=both["stood"]),
    }
    before = pd.merge_asof(
        trades.sort_values("sequence"), quotes[["last_sequence", "mid"]].rename(columns={"last_sequence": "sequence"}),
        on="sequence", allow_exact_matches=False,
    )  # fmt: skip
    later = quotes[["event_time", "mid"]].rename(columns={"mid": "later"}).sort_values("event_time", kind="stable")
    before["event_time"] += FIVE_MINUTES
    measured = pd.merge_asof(before.sort_values("event_time", kind="stable"), later, on="event_time")
    measured.loc[measured["event_time"] > quotes["event_time"].max(), "later"] = np.nan
    sign = np.where(measured["aggressor_side"] == "buy", 1, -1)
    basis = 20_000 * sign / measured["mid"]
    for name, cost in {
        "effective_spread_bps": basis * (measured["price"] - measured["mid"]),
        "realised_spread_bps": basis * (measured["price"] - measured["later"]),
        "price_impact_bps": basis * (measured["later"] - measured["mid"]),
    }.items():
        known = cost.notna()
        found[name] = np.average(cost[known], weights=measured["quantity"][known]) if known.any() else np.nan
    return {**found, "measured_trades": int(measured["mid"].notna().sum())}


def liquidity_daily(market: Market) -> pd.DataFrame:
    days = bars_1d(market).astype(float)
    reference = pd.Series({(symbol, day): price for (day, symbol), price in market.references.items()}, dtype=float)
    found = pd.DataFrame(index=reference.sort_index().index)
    found["amihud"] = (days["close"] / reference - 1).abs() / (days["turnover"] / 1e4 / 1e6)
    found["trades"] = days["trades"].reindex(found.index).fillna(0)
    events = of_day(market.order_events).set_index(KEY)
    told = (events["event"] == "accepted") | (
        events["event"].isin(["replaced", "cancelled"]) & (events["reason"].isna() | (events["reason"] == "requested"))
    )
    found["order_messages"] = told.groupby(level=KEY).sum()
    found["order_to_trade_ratio"] = found["order_messages"] / found["trades"].replace(0, np.nan)
    books = pd.DataFrame(
        [
            {**order, "symbol": row["symbol"], "event_time": row["event_time"]}
            for row in market.snapshots
            for order in row["orders"]
        ]
    )
    books["trading_date"] = trading_date(books["event_time"])
    books["shares"] = books["shown_quantity"].fillna(books["quantity"])
    books = books[books["event_time"] < books["trading_date"].map(lambda day: micros(day, time(15, 55)))]
    shown = {key: depth(book) for key, book in books.groupby([*KEY, "event_time"])}
    depths = pd.DataFrame(shown, index=["best_depth", "five_level_depth"]).T
    means = depths.groupby(level=[0, 1])
    return found.join(means.mean()).assign(snapshots=means.size().reindex(found.index).fillna(0))


def depth(book: pd.DataFrame) -> tuple[int, int]:
    """Shares at the best, and at the best five, prices of both sides."""
    sides = [
        book[book["side"] == side].groupby("price_units")["shares"].sum().sort_index(ascending=side == "sell")
        for side in ("buy", "sell")
    ]
    return sum(int(one.iloc[0]) for one in sides), sum(int(one.iloc[:5].sum()) for one in sides)
