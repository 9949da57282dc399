"""The marts of a small market, built by Dagster with the real dbt and Spark, against an oracle, to the cent."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime, timedelta
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from site import addsitedir
from types import ModuleType
from typing import Any

import empyrical
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from dagster import AssetKey, ExecuteInProcessResult
from pyiceberg.io.pyarrow import schema_to_pyarrow

from lakehouse.catalog import catalog
from streaming.contracts.settings import PROJECT, Settings, settings
from tests.integration import market_oracle, portfolio_oracle, risk_oracle
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


def test_each_mart_tells_of_which_columns_its_columns_are_made(run: ExecuteInProcessResult) -> None:
    told = {event.asset_key: event.materialization.metadata for event in run.get_asset_materialization_events()}
    models = [key for key in told if key.path[0] in ("staging", "marts") and "dagster/column_lineage" in told[key]]
    assert len(models) >= 25
    made = told[AssetKey(["marts", "bars_1d"])]["dagster/column_lineage"].value.deps_by_column
    assert [(dep.asset_key.path, dep.column_name) for dep in made["high"]] == [(["market", "trades"], "price")]


def test_every_unit_test_of_dbt_passes(dbt: Any) -> None:
    dbt("--select", "test_type:unit", command="test")


def test_every_holding_is_the_oracle_s_by_both_methods_of_cost(mart: Any, made: Any) -> None:
    found = {(row["trader_id"], row["symbol"], row["trading_date"]): row for row in mart("attribution")}
    wanted = portfolio_oracle.attribution(made[0])
    assert {key: {name: as_units(row[name]) for name in wanted[key]} for key, row in found.items()} == wanted
    assert any(row["realised"] != row["fifo_realised"] for row in wanted.values())


def test_positions_are_what_is_held_at_the_close(mart: Any, made: Any) -> None:
    names = ("shares", "price", "market_value", "average_cost", "unrealised", "fifo_cost", "fifo_unrealised")
    found = {
        (row["trader_id"], row["symbol"], row["trading_date"]): tuple(as_units(row[name]) for name in names)
        for row in mart("positions")
    }
    assert found == {
        key: (
            row["shares"], row["price"], row["market_value"], row["average_cost"],
            row["market_value"] - row["average_cost"], row["fifo_cost"], row["market_value"] - row["fifo_cost"],
        )
        for key, row in portfolio_oracle.attribution(made[0]).items()
        if row["shares"]
    }  # fmt: skip


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
    market, answers = made
    names = ("opening_value", "realised", "unrealised", "dividends", "total")
    rows = {(row["trader_id"], row["trading_date"]): row for row in mart("profit_and_loss")}
    assert {key: tuple(units(row[name]) for name in names) for key, row in rows.items()} == {
        key: (answer.opening, answer.realised, answer.unrealised, answer.dividends, answer.total)
        for key, answer in answers.items()
    }
    sums: dict[Any, Counter[str]] = {}
    for (trader, _, day), holding in portfolio_oracle.attribution(market).items():
        unrealised = {"fifo_unrealised": holding["market_value"] - holding["fifo_cost"]}
        summed = {name: holding[name] for name in ("fifo_realised", "price_effect", "trading_effect")}
        sums.setdefault((trader, day), Counter()).update({**summed, **unrealised})
    for key, row in rows.items():
        assert {name: units(row[name]) for name in sums[key]} == sums[key]
        assert row["total"] == row["fifo_realised"] + row["fifo_unrealised_change"] + row["dividends"]
        assert row["total"] == row["price_effect"] + row["trading_effect"] + row["dividends"]
        assert units(row["endowed"]) == (answers[key].opening if key[1] == market.days[0] else 0)


def test_performance_is_linked_from_daily_returns(mart: Any, made: Any) -> None:
    market, answers = made
    traded: dict[Any, list[int]] = {}
    for (trader, _, day), holding in portfolio_oracle.attribution(market).items():
        sums = traded.setdefault((trader, day), [0, 0])
        sums[0] += holding["bought"]
        sums[1] += holding["sold"]
    for rows in by_trader(mart("portfolio_performance")).values():
        keys = [(row["trader_id"], row["trading_date"]) for row in rows]
        daily = np.array([answers[key].total / answers[key].opening for key in keys])
        close(rows, "daily_return", daily)
        close(rows, "time_weighted_return", empyrical.cum_returns(daily))
        assert [[units(row["bought"]), units(row["sold"])] for row in rows] == [traded[key] for key in keys]
        values = np.array([answers[key].cash + answers[key].holdings for key in keys])
        openings = np.array([answers[key].opening for key in keys])
        close(rows, "turnover", np.array([sum(traded[key]) / 2 for key in keys]) / ((openings + values) / 2))
        close(rows, "invested_share", np.array([answers[key].holdings for key in keys]) / values)
        assert all(units(row["gross_exposure"]) == units(row["net_exposure"]) for row in rows)
        assert [units(row["net_exposure"]) for row in rows] == [answers[key].holdings for key in keys]


def test_the_index_is_of_all_shares_at_their_prices_and_what_they_pay(mart: Any, made: Any) -> None:
    market, answers = made
    values = [sum(answers[trader, day].holdings for trader in small_market.TRADERS) for day in market.days]
    shares = small_market.SHARES * len(small_market.TRADERS)
    before = [shares * sum(market.reference.values()), *values[:-1]]
    paid = [sum(answers[trader, day].dividends for trader in small_market.TRADERS) for day in market.days]
    growth = (np.array(values) + np.array(paid)) / np.array(before)
    assert sum(map(bool, paid)) > 1
    rows = sorted(mart("market_index"), key=lambda row: row["trading_date"])
    assert [units(row["opening_value"]) for row in rows] == before
    close(rows, "market_return", growth - 1)
    close(rows, "index_level", 100 * np.cumprod(growth))


def by_trader(rows: Rows) -> dict[int, Rows]:
    found: dict[int, Rows] = {}
    for row in sorted(rows, key=lambda row: (row["trader_id"], row["trading_date"])):
        found.setdefault(row["trader_id"], []).append(row)
    return found


def close(rows: Rows, name: str, wanted: Any) -> None:
    np.testing.assert_allclose([row[name] for row in rows], wanted, rtol=0, atol=1e-10, err_msg=name)


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


@pytest.fixture(scope="module")
def dbt(run: ExecuteInProcessResult) -> Iterator[Any]:
    """`dbt run`, or another command, with more arguments, each in the same further process: Spark starts only once."""
    importable = {"initializer": addsitedir, "initargs": (str(PROJECT),)}  # pytest does not put `tests` on the path
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), **importable) as process:
        yield lambda *arguments, command="run": process.submit(run_dbt, [command, *arguments]).result()


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


# Risk, against empyrical and scipy: of the small market, and of a history long enough for every measure


def risk_oracles(read: Any) -> dict[str, pd.DataFrame]:
    """What the risk marts must hold, worked out from the marts that they read."""
    rows = {name: pd.DataFrame(read(name)) for name in RISK_READS}
    returns = risk_oracle.portfolio_returns(rows["portfolio_performance"])
    return {
        "portfolio_returns": returns,
        "portfolio_risk": risk_oracle.portfolio_risk(
            rows["portfolio_performance"], rows["market_index"], rows["positions"]
        ),
        "risk_backtest": risk_oracle.risk_backtest(returns.reset_index()),
        "symbol_correlations": risk_oracle.symbol_correlations(rows["volatility_daily"]),
        "stress_tests": risk_oracle.stress_tests(rows["portfolio_value"], rows["positions"]),
    }


RISK_READS = ["portfolio_performance", "market_index", "positions", "portfolio_value", "volatility_daily"]


def assert_risk(read: Any) -> dict[str, pd.DataFrame]:
    """Every number of every risk mart is the oracle's; they are given back."""
    wanted = risk_oracles(read)
    for name, right in wanted.items():
        found = pd.DataFrame(read(name)).set_index(right.index.names)
        assert set(found.index) == set(right.index), name
        assert set(found) == set(right), name
        for column in right:
            got, expected = (frame[column].reindex(right.index) for frame in (found, right))
            if column == "trading_date":
                assert list(got) == list(expected)
                continue
            money = 1e-4 if column.endswith("_amount") or column in ("value_change", "stressed_value") else 0
            got, expected = got.astype(float), expected.astype(float)
            np.testing.assert_allclose(got, expected, rtol=1e-9, atol=money or 1e-11, err_msg=f"{name}.{column}")
    return wanted


def test_the_risk_of_the_small_market_is_empyrical_s(mart: Any) -> None:
    found = assert_risk(mart)
    returns = found["portfolio_returns"]
    assert (returns["value_at_risk_95"].notna() == (returns["observations"] >= 20)).all()
    assert returns["value_at_risk_99"].isna().all()
    assert set(found["risk_backtest"].index.get_level_values("method")) == {"historical", "normal", "ewma"}


def test_the_risk_of_a_long_history_is_empyrical_s(stack: Settings, dbt: Any, mart: Any) -> None:
    lake = catalog(stack)
    try:
        for name, rows in long_history().items():
            table = lake.load_table(f"marts.{name}")
            table.overwrite(pa.Table.from_pylist(rows, schema_to_pyarrow(table.schema(), include_field_ids=False)))
    finally:
        lake.close()
    dbt("--select", "path:models/marts/risk", "--exclude", "market_index")
    found = assert_risk(mart)
    returns, tests = found["portfolio_returns"], found["risk_backtest"]
    assert returns["observations"].max() == 250
    assert returns["value_at_risk_99"].notna().any()
    assert returns["daily_return"].isna().any()
    assert len(tests) == 3 * 6
    assert (tests["consecutive_exceptions"] > 0).any()
    assert (tests["kupiec_p"] < 0.05).any()
    assert (tests["kupiec_p"] > 0.05).any()


def long_history() -> dict[str, Rows]:
    """270 days of three traders: a calm one, one whose losses cluster, and one who comes late and then stands still."""
    dice = np.random.default_rng(5)
    days = [date(2025, 1, 1) + timedelta(number) for number in range(270)]
    market = dice.standard_t(4, len(days)) / 100
    clusters = np.where(np.arange(len(days)) // 15 % 6 == 5, 6, 1)
    returns = {
        1: 0.8 * market + dice.normal(0, 0.003, len(days)),
        2: 0.5 * market * clusters - np.where(clusters > 1, 0.01, 0),
        3: np.where(np.arange(len(days)) < 40, 0, dice.normal(0.001, 0.01, len(days))),
    }
    rows: dict[str, Rows] = {name: [] for name in RISK_READS}
    for number, day in enumerate(days):
        index = {
            "trading_date": day,
            "opening_value": Decimal(1),
            "market_return": market[number],
            "index_level": 100.0,
        }
        rows["market_index"].append(index)
        for symbol in small_market.SYMBOLS:
            change = market[number] + dice.normal(0, 0.01)
            rows["volatility_daily"].append({"symbol": symbol, "trading_date": day, "log_return": change, "ewma": 0.0})
        for trader, daily in returns.items():
            key = {"trader_id": trader, "trading_date": day}
            absent = trader == 3 and number < 5
            held = [Decimal(int(dice.integers(1, 10**9))).scaleb(-4) for _ in small_market.SYMBOLS if not absent]
            value = sum(held, Decimal(0)) + (0 if absent else 50_000)
            rows["portfolio_value"].append({**key, "total_value": value})
            rows["positions"] += [
                {**key, "symbol": symbol, "market_value": amount}
                for symbol, amount in zip(small_market.SYMBOLS, held, strict=False)
            ]
            linked = np.prod(1 + daily[: number + 1]) - 1
            rows["portfolio_performance"].append(
                {
                    **key, "closing_value": value, "daily_return": None if absent else daily[number],
                    "time_weighted_return": linked, "gross_exposure": sum(held, Decimal(0)),
                    "net_exposure": sum(held, Decimal(0)),
                }
            )  # fmt: skip
    return rows


# Write, audit, publish


def snapshots(stack: Settings, schema: str) -> dict[str, int]:
    lake = catalog(stack)
    try:
        tables = {name: lake.load_table((of, name)) for of, name in lake.list_tables(schema)}
        return {name: table.metadata.current_snapshot_id or 0 for name, table in tables.items()}
    finally:
        lake.close()


def test_what_fails_its_tests_is_not_published(stack: Settings, dbt: Any, made: Any) -> None:
    market, _ = made
    before = snapshots(stack, "marts")
    no_bar_has_it = {**market.trades[0], "sequence": 1_000_000, "trade_id": "ACME-1000000"}
    lake = catalog(stack)
    try:
        small_market.add(lake.load_table("market.trades"), [no_bar_has_it])
    finally:
        lake.close()
    with pytest.raises(AssertionError, match="bars_agree_with_trades"):
        dbt("--select", "daily_market_summary", "bars_agree_with_trades", command="build")
    assert snapshots(stack, "marts") == before
    built_anew = {name for name, at in snapshots(stack, "marts_audit").items() if before.get(name) != at}
    assert "daily_market_summary" in built_anew
