"""The dashboards' files fit together, and ask only for what the lake's tables have."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import pytest
import yaml

from lakehouse.tables import REFERENCE_TABLES, TABLES
from stack.dashboards import KINDS, MAY_BE_EMPTY, bundle, load
from streaming.contracts.settings import PROJECT, Settings

DATABASES, DATASETS, CHARTS, DASHBOARDS = (list(load(kind).values()) for kind in KINDS)
BY_UUID = {dataset["uuid"]: dataset for dataset in DATASETS}
METADATA = ("committed_at", "operation", "summary")
"""Columns of Iceberg's own tables that datasets use."""
FUNCTIONS = {
    *("sum", "count", "avg", "min", "max", "max_by", "approx_percentile", "least", "greatest", "exp", "ln", "sqrt"),
    *("date_diff", "now", "nullif", "count_if", "distinct", "filter", "where", "cast", "as", "double"),
}
CHART_NAMES = [chart["slice_name"] for chart in CHARTS]
BOARD_NAMES = [dashboard["slug"] for dashboard in DASHBOARDS]


def lake() -> dict[str, set[str]]:
    """The columns of every table, by `schema.table`: from contracts, dbt's contracts and the ledger's migrations."""
    tables = {table.identifier: {field.name for field in table.schema.fields} for table in (*TABLES, *REFERENCE_TABLES)}
    for path in (PROJECT / "dbt" / "models" / "marts").rglob("*.yml"):
        for model in yaml.safe_load(path.read_text())["models"]:
            tables[f"marts.{model['name']}"] = {column["name"] for column in model["columns"]}
    for path in (PROJECT / "streaming" / "settlement" / "migrations").rglob("*.sql"):
        for name, body in re.findall(r"create table (\w+\.\w+) \((.*?)\n\);", path.read_text(), re.DOTALL):
            tables[name] = set(re.findall(r"^    (\w+) ", body, re.MULTILINE))
    return tables


def columns(dataset: dict[str, Any]) -> set[str]:
    return {column["column_name"] for column in dataset["columns"]}


def words(expression: str) -> set[str]:
    """The names in an SQL expression, quoted text left out."""
    return set(re.findall(r"[a-z_]\w*", re.sub(r"'[^']*'", "", expression)))


def names_used(chart: dict[str, Any]) -> tuple[set[str], set[str]]:
    """The columns and the metrics that a chart's saved queries ask for."""
    asked, metrics = set(), set()
    for query in chart["query_context"]["queries"]:
        for column in query["columns"]:
            asked.add(column if isinstance(column, str) else column["sqlExpression"])
        asked |= set(query.get("series_columns", []))
        metrics |= set(query.get("metrics") or [])
    return asked, metrics


def several(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else value or []


def shown(chart: dict[str, Any]) -> tuple[set[str], set[str]]:
    """The same by what a person would edit."""
    params = chart["params"]
    asked = {
        name
        for key in ("x_axis", "groupby", "groupby_b", "columns", "all_columns")
        for name in several(params.get(key))
    }
    return asked, {name for key in ("metric", "metrics", "metrics_b") for name in several(params.get(key))}


def charts_of(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Where a dashboard places its charts."""
    nodes = dashboard["position"].values()
    return [node["meta"] for node in nodes if isinstance(node, dict) and node["type"] == "CHART"]


def test_no_database_can_be_written_to() -> None:
    for database in DATABASES:
        assert not any(database[f"allow_{right}"] for right in ("dml", "ctas", "cvas", "csv_upload"))


def test_every_object_has_an_identity_of_its_own() -> None:
    identities = [asset["uuid"] for kind in (DATABASES, DATASETS, CHARTS, DASHBOARDS) for asset in kind]
    assert len(set(identities)) == len(identities)
    assert all(str(UUID(identity)) == identity for identity in identities)


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset["table_name"])
def test_a_dataset_has_only_columns_that_the_lake_has(dataset: dict[str, Any]) -> None:
    tables = lake()
    assert dataset["database_uuid"] in {database["uuid"] for database in DATABASES}
    if dataset["sql"] is None:
        assert columns(dataset) <= tables[f"{dataset['schema']}.{dataset['table_name']}"]
    else:
        read = set(re.findall(r"(?:FROM|JOIN)\s+(\w+\.\w+)", dataset["sql"]))
        read |= {f"{schema}.{table}" for schema, table in re.findall(r'(\w+)\."(\w+)\$\w+"', dataset["sql"])}
        assert read, "a query reads something"
        assert read <= tables.keys()
        named = set(re.findall(r"\bAS (\w+)", dataset["sql"]))
        metadata = set(METADATA) if "$" in dataset["sql"] else set()
        assert columns(dataset) <= named.union(metadata, *(tables[table] for table in read))


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset["table_name"])
def test_a_metric_is_made_of_its_datasets_columns(dataset: dict[str, Any]) -> None:
    for metric in dataset["metrics"]:
        assert words(metric["expression"]) <= FUNCTIONS | columns(dataset), metric["metric_name"]
    if dataset["main_dttm_col"]:
        assert dataset["main_dttm_col"] in {c["column_name"] for c in dataset["columns"] if c["is_dttm"]}


@pytest.mark.parametrize("chart", CHARTS, ids=CHART_NAMES)
def test_a_chart_asks_its_dataset_for_what_that_has(chart: dict[str, Any]) -> None:
    dataset = BY_UUID[chart["dataset_uuid"]]
    asked, metrics = names_used(chart)
    assert asked | metrics, "it asks for something"
    assert asked <= columns(dataset)
    assert metrics <= {metric["metric_name"] for metric in dataset["metrics"]}


@pytest.mark.parametrize("chart", CHARTS, ids=CHART_NAMES)
def test_a_charts_saved_query_is_what_it_shows(chart: dict[str, Any]) -> None:
    assert chart["params"]["viz_type"] == chart["viz_type"]
    assert names_used(chart) == shown(chart)


@pytest.mark.parametrize("chart", CHARTS, ids=CHART_NAMES)
def test_a_chart_does_not_depend_on_todays_date(chart: dict[str, Any]) -> None:
    assert chart["params"]["time_range"] == "No filter"
    assert all(query["time_range"] == "No filter" for query in chart["query_context"]["queries"])


@pytest.mark.parametrize("chart", CHARTS, ids=CHART_NAMES)
def test_a_chart_has_a_caption(chart: dict[str, Any]) -> None:
    assert len(chart["description"]) > 20
    assert chart["description"].endswith(".")


def test_titles_are_one_charts_each() -> None:
    assert len(set(CHART_NAMES)) == len(CHART_NAMES)
    assert set(CHART_NAMES) >= MAY_BE_EMPTY


def test_the_dashboards_place_every_chart_once() -> None:
    placed = [meta for dashboard in DASHBOARDS for meta in charts_of(dashboard)]
    assert sorted(meta["uuid"] for meta in placed) == sorted(chart["uuid"] for chart in CHARTS)
    named = {chart["uuid"]: chart["slice_name"] for chart in CHARTS}
    assert all(named[meta["uuid"]] == meta["sliceName"] for meta in placed)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=BOARD_NAMES)
def test_a_chart_stands_above_its_caption(dashboard: dict[str, Any]) -> None:
    described = {chart["uuid"]: chart["description"] for chart in CHARTS}
    position = dashboard["position"]
    columns = [node["children"] for node in position.values() if isinstance(node, dict) and node["type"] == "COLUMN"]
    assert len(columns) == len(charts_of(dashboard))
    for drawn, caption in columns:
        assert position[caption]["meta"]["code"] == described[position[drawn]["meta"]["uuid"]]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=BOARD_NAMES)
def test_a_dashboards_tree_is_whole_and_no_row_is_too_wide(dashboard: dict[str, Any]) -> None:
    position = {name: node for name, node in dashboard["position"].items() if isinstance(node, dict)}
    reached, waiting = set(), ["ROOT_ID"]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += position[name].get("children", [])
    assert reached == position.keys() - {"HEADER_ID"}
    for node in position.values():
        if node["type"] == "ROW":
            assert sum(position[child]["meta"]["width"] for child in node["children"]) <= 12


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=BOARD_NAMES)
def test_a_dashboard_is_filtered_by_columns_that_exist_and_by_date(dashboard: dict[str, Any]) -> None:
    filters = dashboard["metadata"]["native_filter_configuration"]
    assert {"filter_select", "filter_time"} == {found["filterType"] for found in filters}
    for target in (target for found in filters for target in found["targets"] if target):
        assert target["column"]["name"] in columns(BY_UUID[target["datasetUuid"]])


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=BOARD_NAMES)
def test_a_dashboard_leads_to_the_others(dashboard: dict[str, Any]) -> None:
    text = dashboard["position"]["MARKDOWN-intro"]["meta"]["code"]
    linked = set(re.findall(r"\(/superset/dashboard/([\w-]+)/\)", text))
    assert linked == {other["slug"] for other in DASHBOARDS} - {dashboard["slug"]}


def test_the_bundle_leads_to_the_settings_servers_as_readers(tmp_path: Path) -> None:
    postgres = "postgresql://boss:hunter2@db.example:5432"
    settings = Settings(home=tmp_path, trino_url="http://trino.example:8080", postgres_url=postgres)
    with ZipFile(io.BytesIO(bundle(settings))) as archive:
        ledger = yaml.safe_load(archive.read("tickhouse/databases/ledger.yaml"))
        database = yaml.safe_load(archive.read("tickhouse/databases/tickhouse.yaml"))
        metadata = yaml.safe_load(archive.read("tickhouse/metadata.yaml"))
        charts = [yaml.safe_load(archive.read(name)) for name in archive.namelist() if "/charts/" in name]
    assert database["sqlalchemy_uri"] == "trino://superset@trino.example:8080/lake"
    assert ledger["sqlalchemy_uri"] == settings.postgres("tickhouse", "reader")
    assert "hunter2" not in str(ledger)
    assert metadata["type"] == "assets"
    assert len(charts) == len(CHARTS)
    assert all(json.loads(chart["query_context"])["queries"] for chart in charts)
