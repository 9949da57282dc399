"""The dbt project as files: what every model must have, and what dbt is told of the platform."""

from __future__ import annotations

import csv
import json
import os
import stat
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.defs.dbt import project
from orchestration.defs.dbt.environment import password_file, within
from simulators.scenario import load_scenario
from streaming.contracts.reference import instruments
from streaming.contracts.settings import PROJECT, Settings


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(project.manifest().read_text(encoding="utf-8"))
    return found


def models(manifest: dict[str, Any], folder: str) -> list[dict[str, Any]]:
    return [
        node for node in manifest["nodes"].values() if node["resource_type"] == "model" and node["fqn"][1] == folder
    ]


def test_staging_covers_every_source(manifest: dict[str, Any]) -> None:
    read = {source for model in models(manifest, "staging") for source in model["depends_on"]["nodes"]}
    assert read == set(manifest["sources"])


def test_only_staging_and_snapshots_read_sources(manifest: dict[str, Any]) -> None:
    for folder in ("intermediate", "marts"):
        for model in models(manifest, folder):
            assert not [node for node in model["depends_on"]["nodes"] if node.startswith("source.")], model["name"]


@pytest.mark.parametrize("folder", ["intermediate", "marts"])
def test_models_have_contracts_and_every_column_a_description(manifest: dict[str, Any], folder: str) -> None:
    for model in models(manifest, folder):
        assert model["contract"]["enforced"], model["name"]
        assert model["description"], model["name"]
        assert all(column["description"] and column["data_type"] for column in model["columns"].values()), model["name"]


def test_money_is_decimal(manifest: dict[str, Any]) -> None:
    ratios = {"volatility", "daily_return", "time_weighted_return", "turnover", "invested_share"}
    ratios |= {
        f"{method}{measure}_{level}"
        for method in ("", "normal_", "ewma_")
        for measure in ("value_at_risk", "expected_shortfall")
        for level in (95, 99)
    }
    ratios |= {"drawdown", "max_drawdown", "sharpe_ratio", "sortino_ratio", "beta", "concentration", "correlation"}
    ratios |= {"gross_exposure_share", "net_exposure_share", "change_share", "market_return", "index_level"}
    ratios |= {"expected_exceptions", "kupiec", "kupiec_p", "independence", "independence_p"}
    ratios |= {"conditional_coverage", "conditional_coverage_p"}
    ratios |= {"alert_precision", "recall", "blatant_recall", "median_delay_seconds", "duration_seconds"}
    ratios |= {"log_return", "realised_1m", "realised_5m", "parkinson", "garman_klass", "ewma"}
    ratios |= {"quoted_spread_bps", "effective_spread_bps", "realised_spread_bps", "price_impact_bps"}
    ratios |= {"amihud", "best_depth", "five_level_depth", "order_to_trade_ratio"}
    for model in models(manifest, "marts"):
        doubles = {name for name, column in model["columns"].items() if column["data_type"] == "double"}
        assert doubles <= ratios, model["name"]


def test_every_mart_has_data_tests_and_a_unit_test(manifest: dict[str, Any]) -> None:
    nodes = [*manifest["nodes"].values(), *manifest["unit_tests"].values()]
    for model in models(manifest, "marts"):
        about = {node["resource_type"] for node in nodes if model["unique_id"] in node["depends_on"].get("nodes", [])}
        assert {"test", "unit_test"} <= about, model["name"]


def test_the_profile_holds_no_secret() -> None:
    profile = yaml.safe_load((project.DBT / "profiles.yml").read_text(encoding="utf-8"))
    parameters = profile["tickhouse"]["outputs"]["lake"]["server_side_parameters"]
    assert not [name for name in parameters if "password" in name]


def test_another_file_is_another_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.sql").write_text("select 1")
    before = project.fingerprint(tmp_path)
    (tmp_path / "models" / "a.sql").write_text("select 2")
    assert project.fingerprint(tmp_path) != before


def test_the_password_is_in_a_file_of_the_owner_alone(tmp_path: Path) -> None:
    path = password_file(Settings(home=tmp_path, postgres_url="postgresql://me:a%3Ab%5Cc@db.example:5433"))
    assert path.read_text(encoding="utf-8") == "db.example:5433:lake:me:a\\:b\\\\c\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_environment_is_as_before_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_WAREHOUSE", "mine")
    monkeypatch.delenv("LAKE_JDBC_URI", raising=False)
    with within({"LAKE_WAREHOUSE": "theirs", "LAKE_JDBC_URI": "jdbc:…"}):
        assert (os.environ["LAKE_WAREHOUSE"], os.environ["LAKE_JDBC_URI"]) == ("theirs", "jdbc:…")
    assert os.environ["LAKE_WAREHOUSE"] == "mine"
    assert "LAKE_JDBC_URI" not in os.environ


def test_incremental_models_replace_whole_trading_days(manifest: dict[str, Any]) -> None:
    incremental = [
        node for node in manifest["nodes"].values() if node.get("config", {}).get("materialized") == "incremental"
    ]
    assert incremental
    for model in incremental:
        assert model["config"]["incremental_strategy"] == "insert_overwrite", model["name"]
        assert model["config"]["partition_by"] == "trading_date", model["name"]
        assert {"trading_date", "source_rows"} <= set(model["columns"]), model["name"]
        assert "model.tickhouse.stg_market__day_rows" in model["depends_on"]["nodes"], model["name"]


def test_every_scenario_shocks_every_sector() -> None:
    with (project.DBT / "seeds" / "stress_shocks.csv").open() as file:
        found = [(row["scenario"], row["sector"]) for row in csv.DictReader(file)]
    scenarios = {path.stem for path in (PROJECT / "simulators" / "scenarios").glob("*.toml")}
    assert sorted(found) == sorted(product(scenarios, {item.sector for item in instruments()}))


def test_shocks_are_those_that_the_scenarios_are_made_with() -> None:
    with (project.DBT / "seeds" / "stress_shocks.csv").open() as file:
        shocks = {(row["scenario"], row["sector"]): float(row["shock"]) for row in csv.DictReader(file)}
    for name in ("crash_and_rebound", "news_shock"):
        (news,) = load_scenario(name).news
        for (_, sector), shock in {key: shock for key, shock in shocks.items() if key[0] == name}.items():
            assert shock == (news.change if news.target in ("all", sector) else 0), (name, sector)
    assert {shock for key, shock in shocks.items() if key[0] == "trending"} == {load_scenario("trending").drift}
