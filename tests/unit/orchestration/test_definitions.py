"""What Dagster knows is written down here: a change of it is a change of this file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dagster import AssetKey
from dagster._core.definitions.repository_definition import RepositoryDefinition
from dagster._core.execution.api import create_execution_plan

from lakehouse.tables import REFERENCE_TABLES, TABLES
from orchestration.defs.reconciliation.checks import ABOUT
from orchestration.steps import SPARK
from streaming.contracts.topics import TOPICS

SNAPSHOT = yaml.safe_load(Path(__file__).with_name("definitions.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def repository() -> RepositoryDefinition:
    from orchestration.definitions import definitions

    return definitions.get_repository_def()


def test_every_asset_is_known_by_group(repository: RepositoryDefinition) -> None:
    found: dict[str, list[str]] = {}
    for key in sorted(repository.asset_graph.get_all_asset_keys()):
        found.setdefault(repository.asset_graph.get(key).group_name, []).append(key.path[-1])
    assert found == SNAPSHOT["assets"]


def test_every_check_is_known_by_asset(repository: RepositoryDefinition) -> None:
    found: dict[str, list[str]] = {}
    for key in sorted(repository.asset_graph.asset_check_keys):
        found.setdefault(key.asset_key.to_user_string(), []).append(key.name)
    assert found == SNAPSHOT["checks"]


def test_jobs_schedules_and_sensors(repository: RepositoryDefinition) -> None:
    assert sorted(job for job in repository.job_names if not job.startswith("__")) == SNAPSHOT["jobs"]
    assert {one.name: one.cron_schedule for one in repository.schedule_defs} == SNAPSHOT["schedules"]
    assert sorted(sensor.name for sensor in repository.sensor_defs) == SNAPSHOT["sensors"]


def test_nightly_compacts_before_dbt_and_reconciles_last(repository: RepositoryDefinition) -> None:
    steps = create_execution_plan(repository.get_job("nightly")).get_all_steps_in_topo_order()
    needs = {step.key: step.get_execution_dependency_keys() for step in steps}
    assert needs["dbt_models"] == {"lakehouse__compaction", "reference_copy"}
    assert "dbt_models" in needs["reconciliation"]
    assert len(needs) == 4


def test_one_step_with_a_spark_runs_at_a_time_and_what_asks_servers_is_tried_again(
    repository: RepositoryDefinition,
) -> None:
    nightly, days = repository.get_job("nightly"), repository.get_job("market_days")
    pools = {node.name: node.definition.pools for node in (*nightly.nodes, *days.nodes)}
    sparks = {"lakehouse__compaction", "dbt_models", "build_days"}
    assert {name for name, pool in pools.items() if pool == {SPARK}} == sparks
    again = {node.name for node in nightly.nodes if node.definition.retry_policy}
    # dbt is not: a test that failed fails again, after minutes.
    assert again == {"lakehouse__compaction", "reference_copy", "reconciliation"}


def test_what_the_nightly_job_makes_must_be_fresh(repository: RepositoryDefinition) -> None:
    graph = repository.asset_graph
    made = {key for key in graph.get_all_asset_keys() if key.path[0] in ("marts", "reference")}
    assert made
    assert all(graph.get(key).freshness_policy for key in made)


def test_definitions_load_without_what_only_steps_need() -> None:
    heavy = (  # pyspark is there: dagster-pyspark imports it
        "pandas",
        "matplotlib",
        "arch",
        "exchange_calendars",
        "sqlalchemy",
        "pyiceberg.table",
        "pyarrow",
    )
    program = f"import sys, orchestration.definitions; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_topic_and_every_table_is_drawn(repository: RepositoryDefinition) -> None:
    keys = repository.asset_graph.get_all_asset_keys()
    assert {AssetKey(["kafka", topic.name.replace("-", "_")]) for topic in TOPICS} <= keys
    assert {AssetKey(table.identifier.split(".")) for table in (*TABLES, *REFERENCE_TABLES)} <= keys


def test_every_asset_says_what_it_is_and_whose(repository: RepositoryDefinition) -> None:
    for key in repository.asset_graph.get_all_asset_keys():
        node = repository.asset_graph.get(key)
        assert node.description, key
        assert node.owners, key
        assert any(tag.startswith("dagster/kind/") for tag in node.tags), key


@pytest.mark.parametrize("last", ["marts/portfolio_returns", "reconciliation/report", "superset/market_dashboard"])
def test_the_lineage_goes_all_the_way_back_to_the_traders(repository: RepositoryDefinition, last: str) -> None:
    seen: set[AssetKey] = set()
    ahead = {AssetKey(last.split("/"))}
    while ahead:
        seen |= ahead
        ahead = {parent for key in ahead for parent in repository.asset_graph.get(key).parent_keys} - seen
    names = {key.to_user_string() for key in seen}
    assert {
        "simulators/buyers",
        "kafka/orders",
        "matching/engine",
        "kafka/trades",
        "flink/raw",
        "market/trades",
    } <= names


def test_every_check_of_reconciliation_has_its_asset() -> None:
    source = (Path(__file__).parents[3] / "orchestration" / "reconciliation" / "checks.py").read_text(encoding="utf-8")
    assert [name for name in ABOUT if f'"{name}"' not in source] == []
