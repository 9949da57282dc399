"""The dashboard, from its files to a browser's screen: PostgreSQL, Trino and Superset over a small made-up lake."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
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
)

from lakehouse.catalog import catalog
from lakehouse.tables import REFERENCE_TABLES, TABLES
from stack import dashboards, screenshots
from streaming.contracts.money import to_decimal
from streaming.contracts.reference import instruments, traders
from streaming.contracts.settings import PROJECT, Settings

pytestmark = pytest.mark.integration

DAYS = [day for n in range(40) if (day := date(2025, 11, 3) + timedelta(n)).weekday() < 5]
BAR_DAYS = DAYS[-5:]
MINUTES = range(0, 390, 5)
TYPES: dict[str, IcebergType] = {
    "string": StringType(),
    "bigint": LongType(),
    "double": DoubleType(),
    "date": DateType(),
    "boolean": BooleanType(),
    "decimal(18,4)": DecimalType(18, 4),
    "decimal(38,4)": DecimalType(38, 4),
}


def contract(model: str) -> Schema:
    """The schema that dbt enforces on a mart."""
    described = yaml.safe_load(next((PROJECT / "dbt" / "models" / "marts").rglob(f"{model}.yml")).read_text())[
        "models"
    ][0]
    return Schema(
        *(
            NestedField(number, column["name"], TYPES[column["data_type"]], required=False)
            for number, column in enumerate(described["columns"], 1)
        )
    )


def opening(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC)


def bars(rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Five days of five-minute steps of a random walk, as one-minute bars."""
    for instrument in instruments():
        price = float(to_decimal(instrument.initial_price))
        for day in BAR_DAYS:
            for minute in MINUTES:
                price *= float(np.exp(rng.normal(0, 0.0015)))
                close, shares = Decimal(price).quantize(Decimal("0.01")), int(rng.integers(50, 900))
                yield {
                    "symbol": instrument.symbol,
                    "open": close,
                    "high": close,
                    "low": close,
                    "close": close,
                    "volume": shares,
                    "trades": int(rng.integers(1, 9)),
                    "turnover": close * shares,
                    "vwap": close,
                    "first_sequence": 1,
                    "last_sequence": 2,
                    "moving_average": close,
                    "log_return": 0.0,
                    "volatility": 0.001,
                    "event_time": opening(day) + timedelta(minutes=minute),
                }


def alerts(rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    for number in range(12):
        yield {
            "alert_id": f"alert-{number}",
            "rule": "price_move",
            "symbol": instruments()[number % 5].symbol,
            "trader_ids": [],
            "order_ids": [],
            "begin": opening(BAR_DAYS[-1]) + timedelta(minutes=17 * number - 1),
            "end": opening(BAR_DAYS[-1]) + timedelta(minutes=17 * number),
            "score": float(rng.uniform(6, 12)),
            "threshold": 6.0,
            "price": Decimal("101.2300"),
            "event_time": opening(BAR_DAYS[-1]) + timedelta(minutes=17 * number),
        }


def summaries(rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    for instrument in instruments():
        price = to_decimal(instrument.initial_price)
        for day in DAYS:
            shares = int(rng.integers(20_000, 90_000))
            yield {
                "symbol": instrument.symbol,
                "trading_date": day,
                "reference_price": price,
                "open": price,
                "high": price + 1,
                "low": price - 1,
                "close": price + Decimal("0.25"),
                "volume": shares,
                "turnover": price * shares,
                "vwap": price,
                "trades": shares // 60,
                "volatility": float(rng.uniform(0.008, 0.02)),
                "is_complete": True,
            }


def portfolios(rng: np.random.Generator) -> dict[str, list[dict[str, Any]]]:
    """Thirty traders' values, profits and returns: enough days for a value at risk at 95 %, not at 99 %."""
    tables: dict[str, list[dict[str, Any]]] = {"portfolio_value": [], "profit_and_loss": [], "portfolio_returns": []}
    for trader in traders()[:30]:
        holdings = float(rng.uniform(200_000, 900_000))
        for number, day in enumerate(DAYS, 1):
            change = float(rng.normal(0.0002, 0.01))
            before, holdings = holdings, holdings * (1 + change)
            cash, held = to_decimal(trader.cash), Decimal(holdings).quantize(Decimal("0.0001"))
            profit = held - Decimal(before).quantize(Decimal("0.0001"))
            enough = number >= 20
            base = {"trader_id": trader.trader_id, "trading_date": day}
            tables["portfolio_value"].append({**base, "cash": cash, "holdings_value": held, "total_value": cash + held})
            tables["profit_and_loss"].append(
                {
                    **base,
                    "opening_value": cash + held - profit,
                    "realised": Decimal(0),
                    "unrealised": profit,
                    "unrealised_change": profit,
                    "total": profit,
                    "closing_value": cash + held,
                }
            )
            tables["portfolio_returns"].append(
                {
                    **base,
                    "closing_value": cash + held,
                    "daily_return": change,
                    "observations": number,
                    "value_at_risk_95": 0.016 if enough else None,
                    "value_at_risk_99": None,
                    "value_at_risk_95_amount": Decimal(holdings * 0.016).quantize(Decimal("0.0001"))
                    if enough
                    else None,
                    "value_at_risk_99_amount": None,
                }
            )
    return tables


def fill(settings: Settings) -> None:
    """The tables that the dashboard reads: the streams' by our own definitions, the marts' by dbt's contracts."""
    rng = np.random.default_rng(3)
    lake = catalog(settings)
    try:
        for namespace in ("market", "marts", "reference"):
            lake.create_namespace_if_not_exists(namespace)
        for definition in (*TABLES, *REFERENCE_TABLES):  # without partitions, which PyIceberg alone cannot write
            lake.create_table_if_not_exists(definition.identifier, definition.schema)
        rows = {
            "market.bars_1m": list(bars(rng)),
            "market.alerts": list(alerts(rng)),
            "reference.traders": [
                {
                    **{name: getattr(trader, name) for name in trader.__struct_fields__},
                    "cash": to_decimal(trader.cash),
                }
                for trader in traders()
            ],
            "marts.daily_market_summary": list(summaries(rng)),
            **{f"marts.{name}": found for name, found in portfolios(rng).items()},
        }
        for name, values in rows.items():
            if name.startswith("marts."):
                lake.create_table_if_not_exists(name, contract(name.removeprefix("marts.")))
            table = lake.load_table(name)
            from_kafka = {"kafka_partition": 0, "kafka_offset": 0, "kafka_time": opening(DAYS[-1])}
            arrow = table.schema().as_arrow()
            table.append(pa.Table.from_pylist([{**from_kafka, **row} for row in values], schema=arrow))
    finally:
        lake.close()


@pytest.fixture(scope="module")
def stack(fresh_stack: Callable[..., Settings]) -> Settings:
    settings = fresh_stack("postgres", "trino", "superset")
    fill(settings)
    return settings


def test_importing_twice_leaves_one_of_everything(stack: Settings) -> None:
    first = dashboards.import_dashboards(stack)
    with dashboards.Superset(stack) as superset:
        before = {kind: superset.ids(kind) for kind in dashboards.KINDS}
        second = dashboards.import_dashboards(stack)
        assert {kind: superset.ids(kind) for kind in dashboards.KINDS} == before
    assert first == second
    assert first["dashboards"] == 1


def test_initialising_again_does_nothing(stack: Settings) -> None:
    assert dashboards.initialise(stack) is False


def test_every_chart_has_rows(stack: Settings) -> None:
    dashboards.import_dashboards(stack)
    rows = dashboards.chart_data(stack)
    assert rows
    assert not [name for name, found in rows.items() if not found]


def test_a_stranger_sees_nothing(stack: Settings) -> None:
    import httpx

    answer = httpx.get(f"{stack.superset}/api/v1/chart/", timeout=30)
    assert answer.status_code == 401


def test_a_browser_draws_the_dashboard(stack: Settings, tmp_path: Path) -> None:
    dashboards.import_dashboards(stack)
    failed: list[str] = []
    with screenshots.browser() as page:
        page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
        screenshots.log_in_to_superset(page, stack)
        screenshots.screenshot(
            page,
            stack.superset + screenshots.SUPERSET_DASHBOARD,
            tmp_path / "dashboard.png",
            wait_for=screenshots.dashboard_is_drawn,
            whole=True,
        )
        drawn = page.locator("[data-test=chart-grid-component]").count()
    assert drawn == len(dashboards.load("charts"))
    assert not failed
    assert (tmp_path / "dashboard.png").stat().st_size > 50_000
