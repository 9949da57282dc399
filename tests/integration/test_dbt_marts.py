"""The marts of a small market, built by Dagster with the real dbt and Spark, against an oracle, to the cent."""

from __future__ import annotations

import importlib.util
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import empyrical
import numpy as np
import pytest
from dagster import ExecuteInProcessResult

from lakehouse.catalog import catalog
from streaming.contracts.settings import Settings, settings

Rows = list[dict[str, Any]]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


small_market = load("small_market")
# Dagster, dbt and Spark run within this process: what they warn each other of is not ours.
pytestmark = [pytest.mark.timeout(1500), pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def stack(fresh_stack: Any) -> Settings:
    found: Settings = fresh_stack("tables")
    return found


@pytest.fixture(scope="module")
def made(stack: Settings) -> tuple[Any, Any]:
    market, answers = small_market.make_market()
    small_market.write(stack, market)
    return market, answers


@pytest.fixture(scope="module")
def run(made: Any) -> ExecuteInProcessResult:
    """Reference copy and dbt: the nightly job without compaction and reconciliation, which have their own tests."""
    from orchestration.definitions import definitions
    from orchestration.defs.dbt.assets import dbt_models
    from orchestration.defs.lakehouse.reference import reference_copy

    keys = [*reference_copy.keys, *dbt_models.keys]
    return definitions.resolve_job_def("nightly").execute_in_process(asset_selection=keys)


@pytest.fixture(scope="module")
def mart(stack: Settings, run: ExecuteInProcessResult) -> Any:
    def read(name: str) -> Rows:
        lake = catalog(stack)
        try:
            rows: Rows = lake.load_table(f"marts.{name}").scan().to_arrow().to_pylist()
        finally:
            lake.close()
        return rows

    return read


def units(amount: Decimal) -> int:
    return int(amount.scaleb(4))


def test_the_run_succeeded_and_all_dbt_tests_are_checks_that_passed(run: ExecuteInProcessResult) -> None:
    from orchestration.defs.dbt.assets import dbt_models

    assert run.success
    checks = run.get_asset_check_evaluations()
    assert {check.asset_check_key for check in checks} == set(dbt_models.check_keys)
    assert all(check.passed for check in checks)


def test_positions_are_those_of_the_oracle(mart: Any, made: Any) -> None:
    market, answers = made
    found = {(row["trader_id"], row["trading_date"], row["symbol"]): row for row in mart("positions")}
    wanted = {
        (trader, day, symbol): shares
        for (trader, day), answer in answers.items()
        for symbol, shares in answer.shares.items()
        if shares
    }
    assert {key: row["shares"] for key, row in found.items()} == wanted
    assert all(
        units(row["market_value"]) == row["shares"] * market.closes[day, symbol]
        for (_, day, symbol), row in found.items()
    )


def test_portfolio_values_are_exact(mart: Any, made: Any) -> None:
    found = {
        (row["trader_id"], row["trading_date"]): tuple(
            units(row[name]) for name in ("cash", "holdings_value", "total_value")
        )
        for row in mart("portfolio_value")
    }
    assert found == {
        key: (answer.cash, answer.holdings, answer.cash + answer.holdings) for key, answer in made[1].items()
    }


def test_profit_and_loss_is_exact(mart: Any, made: Any) -> None:
    names = ("opening_value", "realised", "unrealised", "total")
    found = {
        (row["trader_id"], row["trading_date"]): tuple(units(row[name]) for name in names)
        for row in mart("profit_and_loss")
    }
    assert found == {
        key: (answer.opening, answer.realised, answer.unrealised, answer.total) for key, answer in made[1].items()
    }


def test_the_daily_summary_counts_every_trade(mart: Any, made: Any) -> None:
    market, _ = made
    found = {(row["trading_date"], row["symbol"]): row for row in mart("daily_market_summary")}
    assert len(found) == len(market.days) * len(small_market.SYMBOLS)
    for (day, symbol), row in found.items():
        start, end = (small_market.micros(day, at) for at in (small_market.time(0), small_market.time(23, 59)))
        trades = [one for one in market.trades if one["symbol"] == symbol and start <= one["event_time"] < end]
        prices = [one["price"] for one in trades]
        assert row["trades"] == len(trades)
        assert row["volume"] == sum(one["quantity"] for one in trades)
        assert units(row["turnover"]) == sum(one["price"] * one["quantity"] for one in trades)
        assert units(row["close"]) == market.closes[day, symbol]
        assert units(row["reference_price"]) == market.references[day, symbol]
        assert row["is_complete"]
        if trades:
            ohl = [prices[0], max(prices), min(prices)]
            assert [units(row[name]) for name in ("open", "high", "low")] == ohl
            assert units(row["vwap"]) == small_market.half_up(
                small_market.Fraction(units(row["turnover"]), row["volume"])
            )


def test_a_day_without_trades_has_the_close_before_and_no_prices(mart: Any, made: Any) -> None:
    market, _ = made
    quiet = next(
        row for row in mart("daily_market_summary") if (row["symbol"], row["trading_date"]) == ("CRUX", market.days[2])
    )
    assert quiet["trades"] == 0
    assert quiet["open"] is quiet["vwap"] is quiet["volatility"] is None
    assert units(quiet["close"]) == market.closes[market.days[1], "CRUX"]


def returns(rows: Rows) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: (row["trader_id"], row["trading_date"])):
        found.setdefault(row["trader_id"], []).append(row)
    return found


def test_returns_and_value_at_risk_are_empyrical_s(mart: Any) -> None:
    for rows in returns(mart("portfolio_returns")).values():
        daily = np.array([row["daily_return"] for row in rows])
        values = np.array([float(row["closing_value"]) for row in rows])
        np.testing.assert_allclose(daily[1:], empyrical.simple_returns(values), rtol=0, atol=1e-12)
        for number, row in enumerate(rows, start=1):
            assert row["observations"] == number
            if number >= 20:
                expected = -empyrical.value_at_risk(daily[:number], cutoff=0.05)
                assert row["value_at_risk_95"] == pytest.approx(expected, rel=0, abs=1e-15)


def test_value_at_risk_is_unknown_while_observations_are_too_few(mart: Any) -> None:
    for rows in returns(mart("portfolio_returns")).values():
        assert all(row["value_at_risk_95"] is None for row in rows[:19])
        assert all(row["value_at_risk_99"] is None and row["value_at_risk_99_amount"] is None for row in rows)


def test_the_days_are_new_york_s_also_after_the_clocks_changed(mart: Any, made: Any) -> None:
    market, _ = made
    assert {row["trading_date"] for row in mart("portfolio_value")} == set(market.days)
    assert date(2026, 10, 30) in market.days
    assert date(2026, 11, 2) in market.days


def test_a_second_copy_of_the_same_reference_data_writes_nothing(stack: Settings, run: ExecuteInProcessResult) -> None:
    from lakehouse.tables import REFERENCE_TABLES
    from orchestration.defs.lakehouse.reference import copy

    assert settings().home == stack.home
    assert [copy(stack, table)[1] for table in REFERENCE_TABLES] == [False, False]
