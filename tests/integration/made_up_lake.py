"""A small lake without a market: the tables that the dashboards read, filled with what looks like a month of trading.

The streams' tables are made by our own definitions, the marts' by dbt's contracts; the numbers come from a seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import yaml
from pyiceberg.schema import Schema
from pyiceberg.types import (
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    IcebergType,
    LongType,
    NestedField,
    StringType,
    TimestamptzType,
)

from lakehouse.catalog import catalog
from lakehouse.tables import REFERENCE_TABLES, TABLES
from streaming.contracts.money import to_decimal
from streaming.contracts.reference import instruments, traders
from streaming.contracts.settings import PROJECT, Settings

Rows = list[dict[str, Any]]
DAYS = [day for n in range(40) if (day := date(2025, 11, 3) + timedelta(n)).weekday() < 5]
BAR_DAYS = DAYS[-5:]
HOURS = range(7)
RULES = ("spoofing", "layering", "wash_trading", "quote_stuffing", "marking_the_close", "price_move", "volume_surge")
TYPES: dict[str, IcebergType] = {
    "string": StringType(),
    "bigint": LongType(),
    "double": DoubleType(),
    "date": DateType(),
    "timestamp": TimestamptzType(),
    "boolean": BooleanType(),
    "decimal(18,4)": DecimalType(18, 4),
    "decimal(38,4)": DecimalType(38, 4),
}


def contract(model: str) -> Schema:
    """The schema that dbt enforces on a mart."""
    found = next((PROJECT / "dbt" / "models" / "marts").rglob(f"{model}.yml"))
    described = yaml.safe_load(found.read_text(encoding="utf-8"))["models"][0]
    return Schema(
        *(
            NestedField(number, column["name"], TYPES[column["data_type"]], required=False)
            for number, column in enumerate(described["columns"], 1)
        )
    )


def money(value: float | Decimal) -> Decimal:
    return Decimal(value).quantize(Decimal("0.0001"))


def opening(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC)


def hours(rng: np.random.Generator) -> Rows:
    """A random walk of each symbol, with a common part, by the hour."""
    common = {(day, hour): rng.normal(0.0002, 0.004) for day in DAYS for hour in HOURS}
    rows = []
    for instrument in instruments():
        price = float(to_decimal(instrument.initial_price))
        for day in DAYS:
            for hour in HOURS:
                first, price = price, price * float(np.exp(common[day, hour] + rng.normal(0, 0.005)))
                spread = abs(rng.normal(0, 0.003))
                rows.append(
                    {
                        "symbol": instrument.symbol,
                        "window_start": opening(day).replace(minute=0) + timedelta(hours=hour),
                        "trading_date": day,
                        "open": money(first),
                        "high": money(max(first, price) * (1 + spread)),
                        "low": money(min(first, price) * (1 - spread)),
                        "close": money(price),
                        "vwap": money((first + price) / 2),
                        "twap": money((first + price) / 2),
                        "volume": (shares := int(rng.integers(3_000, 15_000))),
                        "turnover": money((first + price) / 2 * shares),
                        "trades": shares // 60,
                        "source_rows": 1,
                    }
                )
    return rows


def market_marts(rng: np.random.Generator, by_hour: Rows) -> dict[str, Rows]:
    """Daily summaries of the hours; spreads, depth, auctions and halts."""
    tables: dict[str, Rows] = {
        name: [] for name in ("daily_market_summary", "spreads_daily", "liquidity_daily", "auctions", "halts")
    }
    for number in range(0, len(by_hour), len(HOURS)):
        day_hours = by_hour[number : number + len(HOURS)]
        symbol, day = day_hours[0]["symbol"], day_hours[0]["trading_date"]
        base = {"symbol": symbol, "trading_date": day}
        first, last = day_hours[0]["open"], day_hours[-1]["close"]
        tables["daily_market_summary"].append(
            {
                **base,
                "reference_price": first,
                "open": first,
                "high": max(row["high"] for row in day_hours),
                "low": min(row["low"] for row in day_hours),
                "close": last,
                "volume": sum(row["volume"] for row in day_hours),
                "turnover": sum(row["turnover"] for row in day_hours),
                "vwap": money((first + last) / 2),
                "trades": sum(row["trades"] for row in day_hours),
                "volatility": float(rng.uniform(0.008, 0.02)),
                "is_complete": True,
            }
        )
        impact, kept = float(rng.uniform(2, 5)), float(rng.uniform(1, 4))
        tables["spreads_daily"].append(
            {
                **base,
                "quoted_spread": money(0.05),
                "quoted_spread_bps": impact + kept + 1,
                "effective_spread_bps": impact + kept,
                "realised_spread_bps": kept,
                "price_impact_bps": impact,
                "measured_trades": 100,
                "source_rows": 1,
            }
        )
        tables["liquidity_daily"].append(
            {
                **base,
                "amihud": 0.2,
                "best_depth": float(rng.uniform(200, 900)),
                "five_level_depth": 3_000.0,
                "snapshots": 78,
                "order_messages": 4_000,
                "trades": 1_000,
                "order_to_trade_ratio": float(rng.uniform(3, 9)),
                "source_rows": 1,
            }
        )
        for kind, hour in (("opening", -1), ("closing", 6)):
            began = opening(day) + timedelta(hours=hour)
            auction = {"began_at": began, "ended_at": began + timedelta(minutes=5), "price": last, "source_rows": 1}
            shares = int(rng.integers(500, 4_000))
            tables["auctions"].append({**base, "kind": kind, "quantity": shares, "trades": shares // 40, **auction})
        if rng.random() < 0.03:
            began = opening(day) + timedelta(minutes=float(rng.uniform(20, 300)))
            halt = {"began_at": began, "ended_at": began + timedelta(minutes=5), "duration_seconds": 300.0}
            tables["halts"].append({**base, "kind": "paused", "limit_state": "upper", "reopening_price": last, **halt})
    return tables


def bars(rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Five days of five-minute steps of a random walk, as one-minute bars."""
    for instrument in instruments():
        price = float(to_decimal(instrument.initial_price))
        for day in BAR_DAYS:
            for minute in range(0, 390, 15):
                price *= float(np.exp(rng.normal(0, 0.0025)))
                close, shares = money(price), int(rng.integers(50, 900))
                yield {
                    "symbol": instrument.symbol,
                    **dict.fromkeys(("open", "high", "low", "close", "vwap", "moving_average"), close),
                    "volume": shares,
                    "trades": int(rng.integers(1, 9)),
                    "turnover": close * shares,
                    "first_sequence": 1,
                    "last_sequence": 2,
                    "log_return": 0.0,
                    "volatility": 0.001,
                    "event_time": opening(day) + timedelta(minutes=minute),
                }


def alerts(rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    for number in range(160):
        when = opening(DAYS[number % len(DAYS)]) + timedelta(minutes=float(rng.uniform(1, 380)))
        yield {
            "alert_id": f"alert-{number}",
            "rule": RULES[int(rng.integers(len(RULES)))],
            "symbol": instruments()[int(rng.integers(12))].symbol,
            "trader_ids": [],
            "order_ids": [],
            "begin": when - timedelta(minutes=1),
            "end": when,
            "score": float(rng.uniform(6, 12)),
            "threshold": 6.0,
            "price": Decimal("101.2300"),
            "event_time": when,
        }


def surveillance_scores(rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    for rule in RULES[:5]:
        planted = int(rng.integers(8, 30))
        found = planted - int(rng.integers(0, 4))
        yield {
            "kind": rule,
            "scenario": "all",
            "episodes": planted,
            "found": found,
            "blatant_episodes": planted // 2,
            "blatant_found": planted // 2,
            "alerts": found + 1,
            "true_alerts": found,
            "misnamed_alerts": 0,
            "alert_precision": found / (found + 1),
            "recall": found / planted,
            "blatant_recall": 1.0,
            "median_delay_seconds": float(rng.uniform(1, 200)),
        }


def dead_letters() -> Iterator[dict[str, Any]]:
    for offset in range(3):
        yield {
            "topic": "orders",
            "partition": 0,
            "offset": offset,
            "reason": "malformed_message",
            "detail": "JSON is malformed: expected `,` or `}` (byte 12)",
            "payload": b"{",
            "event_time": opening(DAYS[-1]),
        }


def trades() -> Iterator[dict[str, Any]]:
    """Two, for the metadata of a table that is written."""
    for number in (1, 2):
        yield {
            "sequence": number,
            "trade_id": f"ACME-{number}",
            "symbol": "ACME",
            "price": Decimal(100),
            "quantity": 10,
            "maker_order_id": 1,
            "taker_order_id": 2,
            "buyer_id": 3,
            "seller_id": 4,
            "aggressor_side": "buy",
            "event_time": opening(DAYS[-1]),
        }


def portfolios(rng: np.random.Generator) -> dict[str, Rows]:
    """Thirty traders' values and profits, and what they hold of five symbols."""
    tables: dict[str, Rows] = {
        name: [] for name in ("portfolio_value", "profit_and_loss", "portfolio_performance", "attribution")
    }
    for trader in traders()[:30]:
        held, wealth, cash = float(rng.uniform(200_000, 900_000)), 1.0, to_decimal(trader.cash)
        for day in DAYS:
            effects = [float(rng.normal(0.0004, 0.008)), float(rng.normal(0, 0.002))]
            base = {"trader_id": trader.trader_id, "trading_date": day}
            gained = {"price_effect": money(held * effects[0]), "trading_effect": money(held * effects[1])}
            profit, opened = sum(gained.values(), Decimal(0)), cash + money(held)
            held += float(profit)
            value, daily_return = opened + profit, float(profit / opened)
            wealth *= 1 + daily_return
            tables["portfolio_value"].append(
                {**base, "cash": cash, "holdings_value": value - cash, "total_value": value}
            )
            tables["profit_and_loss"].append(
                {
                    **base,
                    **gained,
                    "opening_value": opened,
                    "realised": money(profit / 3),
                    "unrealised_change": profit - money(profit / 3),
                    "total": profit,
                    "closing_value": value,
                }
            )
            tables["portfolio_performance"].append(
                {
                    **base,
                    "opening_value": opened,
                    "profit": profit,
                    "closing_value": value,
                    "daily_return": daily_return,
                    "time_weighted_return": wealth - 1,
                    "turnover": float(rng.uniform(0.01, 0.2)),
                    "net_exposure": value - cash,
                    "invested_share": float((value - cash) / value),
                }
            )
            for instrument in instruments()[trader.trader_id % 5 :: 4]:
                tables["attribution"].append(
                    {
                        **base,
                        "symbol": instrument.symbol,
                        "shares": int(held / 500),
                        "price": to_decimal(instrument.initial_price),
                        "market_value": money(held / 5 * float(rng.uniform(0.5, 1.5))),
                        **{name: money(gain / 5) for name, gain in gained.items()},
                        "realised": money(profit / 15),
                    }
                )
    return tables


def risks(rng: np.random.Generator, performance: Rows) -> dict[str, Rows]:
    """Enough days for a value at risk at 95 %, not at 99 %."""
    tables: dict[str, Rows] = {
        name: []
        for name in ("portfolio_returns", "portfolio_risk", "risk_backtest", "stress_tests", "symbol_correlations")
    }
    for number, row in enumerate(performance):
        base = {name: row[name] for name in ("trader_id", "trading_date")}
        days = number % len(DAYS) + 1
        value_at_risk = float(rng.uniform(0.006, 0.009)) if days >= 20 else None
        measures = {}
        if value_at_risk:
            measures = {
                "value_at_risk_95": value_at_risk,
                "value_at_risk_95_amount": money(float(row["closing_value"]) * value_at_risk),
                "expected_shortfall_95": value_at_risk * 1.3,
                "normal_value_at_risk_95": value_at_risk * float(rng.uniform(0.9, 1.1)),
                "ewma_value_at_risk_95": value_at_risk * float(rng.uniform(0.7, 1.3)),
            }
        returned = {name: row[name] for name in ("closing_value", "daily_return")}
        tables["portfolio_returns"].append({**base, **returned, "observations": days, **measures})
        drawdown = -abs(float(rng.normal(0.01, 0.01)))
        tables["portfolio_risk"].append(
            {
                **base,
                "observations": days,
                "drawdown": drawdown,
                "max_drawdown": drawdown - 0.01,
                "sharpe_ratio": float(rng.normal(1, 1)),
                "sortino_ratio": float(rng.normal(1, 1)),
                "beta": float(rng.normal(0.6, 0.2)),
                "concentration": float(rng.uniform(0.1, 0.5)),
                "gross_exposure_share": 0.4,
                "net_exposure_share": 0.4,
            }
        )
    last = [row for row in performance if row["trading_date"] == DAYS[-1]]
    for row in last:
        for method in ("historical", "normal", "ewma"):
            missed = int(rng.integers(0, 3))
            judged = {"trader_id": row["trader_id"], "method": method, "confidence": 95, "days": 10}
            tables["risk_backtest"].append(
                {**judged, "exceptions": missed, "expected_exceptions": 0.5, "kupiec_p": 0.04 if missed > 1 else 0.6}
            )
        for scenario, shock in (("crash", -0.09), ("flash_crash", -0.12), ("trending", 0.012), ("news", -0.02)):
            change = money(float(row["net_exposure"]) * shock)
            tables["stress_tests"].append(
                {
                    "trader_id": row["trader_id"],
                    "trading_date": DAYS[-1],
                    "scenario": scenario,
                    "total_value": row["closing_value"],
                    "value_change": change,
                    "stressed_value": row["closing_value"] + change,
                    "change_share": float(change / row["closing_value"]),
                }
            )
    symbols = [instrument.symbol for instrument in instruments()]
    half = np.tril(rng.uniform(-0.2, 0.8, (len(symbols), len(symbols))), -1)
    for (row_number, column), value in np.ndenumerate(half + half.T + np.eye(len(symbols))):
        pair = {"symbol": symbols[row_number], "other_symbol": symbols[column]}
        observed = {"trading_date": DAYS[-1], "observations": 29, "correlation": float(value)}
        tables["symbol_correlations"].append({**pair, **observed})
    return tables


def reference() -> dict[str, Rows]:
    """Instruments and traders, money in dollars."""

    def rows(found: tuple[Any, ...], *amounts: str) -> Rows:
        as_rows = [{name: getattr(item, name) for name in item.__struct_fields__} for item in found]
        return [{**row, **{name: to_decimal(row[name]) for name in amounts}} for row in as_rows]

    return {
        "reference.instruments": rows(instruments(), "tick_size", "initial_price"),
        "reference.traders": rows(traders(), "cash"),
    }


def reconcile(settings: Settings) -> None:
    """A run of reconciliation that found nothing, as if it had been."""
    with psycopg.connect(settings.postgres()) as connection:
        run = connection.execute(
            "INSERT INTO reconciliation.runs (origin, passed, seconds, cut) VALUES ('command', true, 12.5, '{}')"
            " RETURNING run_id"
        ).fetchone()
        for name in ("trades", "order_events", "balances", "positions"):
            connection.execute(
                "INSERT INTO reconciliation.checks (run_id, check_name, passed, kafka, iceberg, postgres, differences)"
                " VALUES (%s, %s, true, '184,210 rows', '184,210 rows', NULL, 0)",
                [*(run or ()), name],
            )


def fill(settings: Settings) -> None:
    """All the tables that a chart reads, and every table of the streams."""
    rng = np.random.default_rng(3)
    by_hour, held = hours(rng), portfolios(rng)
    marts = {
        "bars_1h": by_hour,
        **market_marts(rng, by_hour),
        **held,
        **risks(rng, held["portfolio_performance"]),
        "surveillance_scores": list(surveillance_scores(rng)),
    }
    rows = {
        "market.bars_1m": list(bars(rng)),
        "market.alerts": list(alerts(rng)),
        "market.dead_letters": list(dead_letters()),
        "market.trades": list(trades()),
        **reference(),
        **{f"marts.{name}": found for name, found in marts.items()},
    }
    lake = catalog(settings)
    try:
        for namespace in ("market", "marts", "reference"):
            lake.create_namespace_if_not_exists(namespace)
        for definition in (*TABLES, *REFERENCE_TABLES):  # without partitions, which PyIceberg alone cannot write
            lake.create_table_if_not_exists(definition.identifier, definition.schema)
        for name, values in rows.items():
            if name.startswith("marts."):
                lake.create_table_if_not_exists(name, contract(name.removeprefix("marts.")))
            table = lake.load_table(name)
            from_kafka = {"kafka_partition": 0, "kafka_offset": 0, "kafka_time": datetime.now(UTC)}
            arrow = table.schema().as_arrow()
            table.append(pa.Table.from_pylist([{**from_kafka, **row} for row in values], schema=arrow))
    finally:
        lake.close()
    reconcile(settings)
