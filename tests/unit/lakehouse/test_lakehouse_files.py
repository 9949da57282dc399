"""A `file:` warehouse is reached as ever; of an S3 one every engine is told where it is, and none is told a key."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lakehouse.catalog import catalog
from lakehouse.files import HADOOP, RESOLVING, file_options, on_s3
from lakehouse.spark import configuration
from orchestration.defs.dbt import environment as dbt
from stack.servers import trino
from stack.settings import StackSettings
from streaming.contracts.settings import PROJECT, Settings
from streaming.flink import pipelines
from streaming.flink.submit import sql_values

SERVER = "http://s3.example:9000"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "who-may")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")


@pytest.fixture
def on_disk(tmp_path: Path) -> StackSettings:
    return StackSettings(home=tmp_path, cache=tmp_path)


@pytest.fixture
def remote(on_disk: StackSettings, monkeypatch: pytest.MonkeyPatch) -> StackSettings:
    monkeypatch.setenv("TICKHOUSE_WAREHOUSE", "s3://lake/warehouse")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", SERVER)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    return StackSettings(home=on_disk.home, cache=on_disk.cache)


def create_catalog(settings: Settings) -> str:
    text = (pipelines.SQL / "catalog.sql").read_text(encoding="utf-8")
    (statement,) = pipelines.statements(text, sql_values(settings))
    return statement


def test_s3_is_told_by_its_scheme() -> None:
    assert on_s3("s3://lake/warehouse")
    assert on_s3("s3a://lake/warehouse")
    assert not on_s3("file:///lake/warehouse")
    assert not on_s3("file:/s3/warehouse")


def test_a_file_warehouse_needs_no_options(on_disk: StackSettings) -> None:
    assert file_options(on_disk) == {}


def test_where_s3_is_says_nothing_to_a_file_warehouse(on_disk: StackSettings) -> None:
    assert file_options(on_disk.model_copy(update={"s3_endpoint": SERVER, "s3_region": "eu-west-1"})) == {}


def test_a_server_of_ones_own_is_asked_by_path(remote: StackSettings) -> None:
    assert file_options(remote) == {
        "io-impl": RESOLVING,
        "s3.endpoint": SERVER,
        "s3.path-style-access": "true",
        "client.region": "eu-west-1",
    }


def test_amazons_own_server_is_found_by_its_client(on_disk: StackSettings) -> None:
    assert file_options(on_disk.model_copy(update={"warehouse": "s3://lake/warehouse"})) == {"io-impl": RESOLVING}


def test_spark_is_told(remote: StackSettings, on_disk: StackSettings) -> None:
    told = configuration(remote)
    assert told.keys() - configuration(on_disk).keys() == {
        f"spark.sql.catalog.lake.{name}" for name in file_options(remote)
    }
    assert told["spark.sql.catalog.lake.io-impl"] == RESOLVING
    assert told["spark.sql.catalog.lake.s3.endpoint"] == SERVER


def test_python_is_told(remote: StackSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, str] = {}
    monkeypatch.setattr("lakehouse.catalog.SqlCatalog", lambda _, **options: told.update(options))
    catalog(remote)
    assert file_options(remote).items() <= told.items()


def test_flink_is_told(remote: StackSettings) -> None:
    statement = create_catalog(remote)
    for option, value in {"warehouse": "s3://lake/warehouse", **file_options(remote)}.items():
        assert f"'{option}' = '{value}'" in statement


def test_flinks_catalog_on_disk_is_what_it_was(on_disk: StackSettings) -> None:
    assert create_catalog(on_disk).endswith(f"'clients' = '1',\n    'warehouse' = 'file://{on_disk.home}/warehouse'\n)")


def test_options_are_quoted() -> None:
    assert pipelines.sql_text({"a'b": "c'd", "e": "f"}) == "'a''b' = 'c''d', 'e' = 'f'"


def test_trino_is_told(remote: StackSettings) -> None:
    told = dict(line.split("=", 1) for line in trino.catalog(remote).splitlines())
    assert told["fs.native-s3.enabled"] == told["s3.path-style-access"] == "true"
    assert (told["s3.endpoint"], told["s3.region"]) == (SERVER, "eu-west-1")


def test_dbt_is_told(remote: StackSettings, on_disk: StackSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack.setup.jdk.jdk_home", lambda *_: Path("/jdk"))
    there, here = dbt.environment(remote), dbt.environment(on_disk)
    assert (there["LAKE_FILE_IO"], there["LAKE_S3_PATH_STYLE"]) == (RESOLVING, "true")
    assert (here["LAKE_FILE_IO"], here["LAKE_S3_PATH_STYLE"]) == (HADOOP, "false")
    profile = (PROJECT / "dbt" / "profiles.yml").read_text(encoding="utf-8")
    lake = yaml.safe_load(profile)["tickhouse"]["outputs"]["lake"]["server_side_parameters"]
    assert f"env_var('LAKE_FILE_IO', '{HADOOP}')" in lake["spark.sql.catalog.lake.io-impl"]
    assert "env_var('LAKE_S3_PATH_STYLE', 'false')" in lake["spark.sql.catalog.lake.s3.path-style-access"]


def test_no_key_is_in_what_is_rendered(remote: StackSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack.setup.jdk.jdk_home", lambda *_: Path("/jdk"))
    rendered = [configuration(remote), create_catalog(remote), trino.catalog(remote), dbt.environment(remote)]
    assert not [text for text in map(str, rendered) if "who-may" in text or "hush-hush" in text]
