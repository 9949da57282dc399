"""The marts of a small market, built by Dagster with the real dbt and Spark, against an oracle, to the cent."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from site import addsitedir
from types import ModuleType
from typing import Any

import empyrical
import numpy as np
import pandas as pd
import pytest
from dagster import ExecuteInProcessResult

from lakehouse.catalog import catalog
from streaming.contracts.settings import PROJECT, Settings, settings
from tests.integration import market_oracle
from tests.integration.dbt_process import run_dbt
from tests.integration.small_market_quotes import add_quotes

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
    add_quotes(market)
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


# The market, against pandas and numpy


def as_units(value: Any) -> Any:
    """Decimals as whole units of 1/10,000 dollar, moments as microseconds: what the oracle reckons in."""
    if isinstance(value, Decimal):
        return units(value)
    return int(value.timestamp() * 1_000_000) if isinstance(value, datetime) else value


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("bars_1h", ["symbol", "window_start"]),
        ("bars_1d", market_oracle.KEY),
        ("volatility_daily", market_oracle.KEY),
        ("spreads_daily", market_oracle.KEY),
        ("liquidity_daily", market_oracle.KEY),
    ],
)
def test_the_market_s_marts_are_those_of_pandas(mart: Any, made: Any, name: str, key: list[str]) -> None:
    rows = [{column: as_units(value) for column, value in row.items()} for row in mart(name)]
    found = pd.DataFrame(rows).set_index(key).sort_index()
    wanted = getattr(market_oracle, name)(made[0]).sort_index()
    assert list(found.index) == list(wanted.index)
    for column in wanted:
        tolerance = 1e-6 if column.endswith("_bps") else 1e-12  # what is averaged is rounded to 1/1,000,000 bps
        got, right = (frame[column].astype(float) for frame in (found, wanted))
        np.testing.assert_allclose(got, right, rtol=1e-12, atol=tolerance, err_msg=column)


def test_every_auction_has_what_its_trades_say(mart: Any, made: Any) -> None:
    market, _ = made
    trades = {
        (row["symbol"], row["event_time"]): (row["price"], row["quantity"])
        for row in market.trades
        if row["aggressor_side"] == "none"
    }
    found = mart("auctions")
    assert {
        (row["symbol"], as_units(row["ended_at"])): (as_units(row["price"]), row["quantity"])
        for row in found
        if row["trades"]
    } == trades
    kinds = pd.DataFrame(found).groupby(["symbol", "trading_date"])["kind"].agg(list)
    assert all(sorted(one) in (["closing", "opening"], ["closing", "opening", "reopening"]) for one in kinds)
    assert len(kinds) == len(market.days) * len(small_market.SYMBOLS)


def test_every_pause_is_a_halt(mart: Any, made: Any) -> None:
    paused = {(row["symbol"], row["event_time"]) for row in made[0].statuses if row.get("halt") == "paused"}
    found = mart("halts")
    assert paused
    assert {(row["symbol"], as_units(row["began_at"])) for row in found} == paused
    assert all((row["kind"], row["duration_seconds"]) == ("paused", 0) for row in found)


# Day by day

INCREMENTAL = {
    "staging.int_realised_volatility": "symbol",
    "marts.auctions": "began_at",
    "marts.bars_1d": "symbol",
    "marts.bars_1h": "window_start",
    "marts.liquidity_daily": "symbol",
    "marts.spreads_daily": "symbol",
}


@pytest.fixture
def dbt(run: ExecuteInProcessResult) -> Iterator[Any]:
    """`dbt run` with more arguments, each in the same further process, so that Spark starts only once."""
    importable = {"initializer": addsitedir, "initargs": (str(PROJECT),)}  # pytest does not put `tests` on the path
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), **importable) as process:
        yield lambda *arguments: process.submit(run_dbt, ["run", *arguments]).result()


def built(stack: Settings) -> tuple[dict[str, dict[date, set[str]]], dict[str, pd.DataFrame]]:
    """Of each incremental table its files by trading day, and its rows in order."""
    files: dict[str, dict[date, set[str]]] = {}
    rows = {}
    lake = catalog(stack)
    try:
        for name in INCREMENTAL:
            table = lake.load_table(name)
            files[name] = {}
            for file in table.inspect.files().to_pylist():
                files[name].setdefault(file["partition"]["trading_date"], set()).add(file["file_path"])
            order = ["trading_date", "symbol", INCREMENTAL[name]]
            rows[name] = table.scan().to_pandas().sort_values([*dict.fromkeys(order)]).reset_index(drop=True)
    finally:
        lake.close()
    return files, rows


def changed(before: dict[date, set[str]], after: dict[date, set[str]]) -> set[date]:
    return {day for day in before.keys() | after.keys() if before.get(day) != after.get(day)}


def test_a_day_is_built_anew_alone_and_a_full_refresh_gives_the_same_rows(stack: Settings, dbt: Any, made: Any) -> None:
    market, _ = made
    files, rows = built(stack)
    assert all(set(of_table) == set(market.days) for of_table in files.values())

    # A quote that came late: its day is found by the number of raw rows.
    late = small_market.micros(market.days[5], small_market.time(12, 0, 0, 5))
    sequence = max(row["sequence"] for row in market.trades if row["symbol"] == "BLUE" and row["event_time"] < late)
    price = market.references[market.days[5], "BLUE"]
    quote = {"symbol": "BLUE", "last_sequence": sequence, "bid_price": price - 700, "ask_price": price + 900}
    market.prices.append({**quote, "volume": 0, "event_time": late})
    lake = catalog(stack)
    try:
        small_market.add(lake.load_table("market.prices"), market.prices[-1:])
    finally:
        lake.close()
    dbt("--select", "stg_market__day_rows", "config.materialized:incremental")
    files_late, rows_late = built(stack)
    for name in INCREMENTAL:
        assert changed(files[name], files_late[name]) == {market.days[5]}, name
        others = rows[name]["trading_date"] != market.days[5]
        pd.testing.assert_frame_equal(rows[name][others], rows_late[name][others])
    assert not rows["marts.spreads_daily"].equals(rows_late["marts.spreads_daily"])

    # A day that is named is built though nothing of it is new.
    dbt("--select", "config.materialized:incremental", "--vars", f"{{trading_days: [{market.days[9]}]}}")
    files_named, rows_named = built(stack)
    for name in INCREMENTAL:
        assert changed(files_late[name], files_named[name]) == {market.days[9]}, name
        pd.testing.assert_frame_equal(rows_late[name], rows_named[name])

    dbt("--select", "config.materialized:incremental", "--full-refresh")
    files_full, rows_full = built(stack)
    for name in INCREMENTAL:
        assert changed(files_named[name], files_full[name]) == set(market.days), name
        pd.testing.assert_frame_equal(rows_named[name], rows_full[name])
