"""The dashboard's files fit together, and ask only for what the lake's tables have."""

from __future__ import annotations

import io
import json
import re
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import pytest
import yaml

from lakehouse.tables import REFERENCE_TABLES, TABLES
from stack.dashboards import KINDS, bundle, load
from streaming.contracts.settings import PROJECT, Settings

DATABASES, DATASETS, CHARTS, DASHBOARDS = (list(load(kind).values()) for kind in KINDS)
BY_UUID = {dataset["uuid"]: dataset for dataset in DATASETS}
CHART_NAMES = [chart["slice_name"] for chart in CHARTS]


def lake() -> dict[str, set[str]]:
    """The columns of every table, by `schema.table`: the streams' from the contracts, the marts' from dbt's."""
    tables = {table.identifier: {field.name for field in table.schema.fields} for table in (*TABLES, *REFERENCE_TABLES)}
    for path in (PROJECT / "dbt" / "models" / "marts").rglob("*.yml"):
        for model in yaml.safe_load(path.read_text())["models"]:
            tables[f"marts.{model['name']}"] = {column["name"] for column in model["columns"]}
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


def shown(chart: dict[str, Any]) -> tuple[set[str], set[str]]:
    """The same by what a person would edit."""
    params = chart["params"]
    asked = {*params.get("groupby", []), *params.get("all_columns", [])}
    if "x_axis" in params:
        asked.add(params["x_axis"])
    return asked, {*params.get("metrics", []), *([params["metric"]] if "metric" in params else [])}


def test_there_is_one_dashboard_on_one_database() -> None:
    assert len(DASHBOARDS) == 1
    assert len(DATABASES) == 1
    assert DATABASES[0]["allow_dml"] is False


def test_every_object_has_an_identity_of_its_own() -> None:
    identities = [asset["uuid"] for kind in (DATABASES, DATASETS, CHARTS, DASHBOARDS) for asset in kind]
    assert len(set(identities)) == len(identities)
    assert all(str(UUID(identity)) == identity for identity in identities)


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset["table_name"])
def test_a_dataset_has_only_columns_that_the_lake_has(dataset: dict[str, Any]) -> None:
    tables = lake()
    assert dataset["database_uuid"] == DATABASES[0]["uuid"]
    if dataset["sql"] is None:
        assert columns(dataset) <= tables[f"{dataset['schema']}.{dataset['table_name']}"]
    else:
        read = set(re.findall(r"(?:FROM|JOIN)\s+(\w+\.\w+)", dataset["sql"]))
        assert read, "a query reads something"
        assert read <= tables.keys()
        named = set(re.findall(r"\bAS (\w+)", dataset["sql"]))
        assert columns(dataset) <= named.union(*(tables[table] for table in read))


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset["table_name"])
def test_a_metric_is_made_of_its_datasets_columns(dataset: dict[str, Any]) -> None:
    functions = {"sum", "count", "max_by", "approx_percentile"}
    for metric in dataset["metrics"]:
        assert words(metric["expression"]) <= functions | columns(dataset), metric["metric_name"]
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


def test_the_dashboard_places_every_chart_once() -> None:
    position = DASHBOARDS[0]["position"]
    placed = [node["meta"] for node in position.values() if isinstance(node, dict) and node["type"] == "CHART"]
    assert sorted(meta["uuid"] for meta in placed) == sorted(chart["uuid"] for chart in CHARTS)
    named = {chart["uuid"]: chart["slice_name"] for chart in CHARTS}
    assert all(named[meta["uuid"]] == meta["sliceName"] for meta in placed)


def test_the_dashboards_tree_is_whole_and_no_row_is_too_wide() -> None:
    position = {name: node for name, node in DASHBOARDS[0]["position"].items() if isinstance(node, dict)}
    reached, waiting = set(), ["ROOT_ID"]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += position[name].get("children", [])
    assert reached == position.keys() - {"HEADER_ID"}
    for node in position.values():
        if node["type"] == "ROW":
            assert sum(position[child]["meta"]["width"] for child in node["children"]) <= 12


def test_filters_are_on_columns_that_exist() -> None:
    for found in DASHBOARDS[0]["metadata"]["native_filter_configuration"]:
        for target in found["targets"]:
            assert target["column"]["name"] in columns(BY_UUID[target["datasetUuid"]])


def test_the_bundle_leads_to_the_settings_trino() -> None:
    with ZipFile(io.BytesIO(bundle(Settings(trino_url="http://trino.example:8080")))) as archive:
        database = yaml.safe_load(archive.read("tickhouse/databases/tickhouse.yaml"))
        metadata = yaml.safe_load(archive.read("tickhouse/metadata.yaml"))
        charts = [yaml.safe_load(archive.read(name)) for name in archive.namelist() if "/charts/" in name]
    assert database["sqlalchemy_uri"] == "trino://tickhouse@trino.example:8080/lake"
    assert metadata["type"] == "assets"
    assert len(charts) == len(CHARTS)
    assert all(json.loads(chart["query_context"])["queries"] for chart in charts)
