"""docker-compose.yml follows the Compose specification and names only what this repository has.

There is no container engine here: this says that the file is well formed and fits the code, not that it was run.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import stat
import subprocess
from functools import lru_cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from stack.dashboards import environment as superset_environment
from stack.servers import trino
from stack.settings import StackSettings
from stack.setup.lock import locked
from streaming.contracts.settings import PROJECT, Secrets, Settings

COMPOSE = PROJECT / "docker-compose.yml"
TEXT = COMPOSE.read_text(encoding="utf-8")
ENVIRONMENT = {
    "TICKHOUSE_POSTGRES_PASSWORD",
    "TICKHOUSE_READER_PASSWORD",
    "TICKHOUSE_SUPERSET_PASSWORD",
    "TICKHOUSE_SUPERSET_ANALYST_PASSWORD",
    "TICKHOUSE_SUPERSET_SECRET_KEY",
    "S3_ACCESS_KEY",
    "S3_SECRET_KEY",
}
ENTRY_POINTS = {"dagster", "dagster-webserver", "dagster-daemon"}


@lru_cache
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(TEXT)
    return loaded


SERVICES = sorted(compose()["services"])
OURS = [name for name in SERVICES if "build" in compose()["services"][name]]


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = compose()["services"][name]
    return found


def stages() -> set[str]:
    return set(re.findall(r"^FROM \S+ AS (\w+)$", (PROJECT / "docker" / "Dockerfile").read_text(), re.MULTILINE))


def test_it_follows_the_compose_specification() -> None:
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(compose())


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str) -> None:
    tag = service(name)["image"].rpartition(":")[2]
    assert re.search(r"\d", tag), "a version"
    assert tag != "latest"


def test_base_images_are_pinned() -> None:
    for image in re.findall(r"^FROM (\S+) AS", (PROJECT / "docker" / "Dockerfile").read_text(), re.MULTILINE):
        assert image in stages() or re.search(r":\d+\.\d+\.\d+", image)


@pytest.mark.parametrize("name", OURS)
def test_our_images_can_be_built_from_files_that_are_here(name: str) -> None:
    build = service(name)["build"]
    assert (PROJECT / build["context"] / build["dockerfile"]).is_file()
    assert build["target"] in stages()


def test_the_dockerfile_copies_only_what_is_here_and_installs_by_hash() -> None:
    text = (PROJECT / "docker" / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE):
        source = next(word for word in line.split() if not word.startswith("--"))
        assert (PROJECT / source).exists(), source
    installs = re.findall(r"pip install (.+)$", text, re.MULTILINE)
    assert {found.strip().rstrip("\\").strip() for found in installs} == {
        "--require-hashes -r requirements/superset.txt",
        "--require-hashes -r requirements/platform.txt",
        "--no-deps --python .venv/bin/python --editable .",
    }


def test_the_s3_client_is_of_flinks_iceberg_version() -> None:
    assert len({a.version for a in locked("flink", "s3") if "iceberg" in a.artefact}) == 1


@pytest.mark.parametrize("name", SERVICES)
def test_mounts_are_files_that_are_here_or_declared_volumes(name: str) -> None:
    for mount in service(name).get("volumes", []):
        source = mount.split(":")[0]
        if source.startswith("."):
            assert (PROJECT / source).exists(), source
        else:
            assert source in compose()["volumes"]


@pytest.mark.parametrize("name", OURS)
def test_every_command_leads_to_something_that_exists(name: str) -> None:
    command = service(name).get("command")
    if command is None:
        assert "gunicorn" in (PROJECT / "docker" / "Dockerfile").read_text()
    elif command[:2] == ["python", "-m"]:
        found = find_spec(command[2])
        assert found is not None, command[2]
        if found.submodule_search_locations:
            assert find_spec(f"{command[2]}.__main__") is not None
    elif command[0] in ("python", "bash"):
        assert (PROJECT / command[1]).is_file()
    else:
        assert command[0] in ENTRY_POINTS
        assert shutil.which(command[0], path=str(PROJECT / ".venv" / "bin"))


def test_commands_name_files_and_modules_that_exist() -> None:
    words = {word for name in OURS for word in service(name).get("command", [])}
    assert all((PROJECT / word).exists() for word in words if word.startswith("docker/"))
    assert find_spec("orchestration.definitions") is not None


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_listens_beyond_this_machine(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in service(name).get("ports", []))


def test_no_two_services_want_the_same_port() -> None:
    taken = [port.split(":")[1] for name in SERVICES for port in service(name).get("ports", [])]
    assert len(set(taken)) == len(taken)


@pytest.mark.parametrize("name", SERVICES)
def test_memory_is_bounded(name: str) -> None:
    assert service(name)["mem_limit"]


@pytest.mark.parametrize("name", SERVICES)
def test_what_it_waits_for_can_happen(name: str) -> None:
    for other, how in service(name).get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert "healthcheck" in service(other)
        if how["condition"] == "service_completed_successfully":
            assert service(other)["restart"] == "no"


def test_waiting_ends() -> None:
    waits = {name: set(service(name).get("depends_on", {})) for name in SERVICES}
    while ready := {name for name, others in waits.items() if not others & waits.keys()}:
        waits = {name: others for name, others in waits.items() if name not in ready}
    assert not waits, "a circle"


def test_secrets_come_from_the_environment_and_have_no_default() -> None:
    named = re.findall(r"(?<!\$)\$\{(\w+)([^}]*)\}", TEXT)
    assert {name for name, _ in named} == ENVIRONMENT
    assert all(rest.startswith(":?") for _, rest in named)


def test_every_setting_is_one_that_the_code_reads() -> None:
    known = {f"TICKHOUSE_{name.upper()}" for name in (*StackSettings.model_fields, *Secrets.model_fields)}
    given = {key for name in SERVICES for key in service(name).get("environment", {}) if key.startswith("TICKHOUSE_")}
    assert given <= known


def test_where_the_warehouse_is_is_told_in_the_variables_that_the_settings_read() -> None:
    read = {field.validation_alias for name, field in Settings.model_fields.items() if name.startswith("s3_")}
    for name in ("init", "dagster-code", "flink-jobs", "trino"):
        told = service(name)["environment"]
        assert told["TICKHOUSE_WAREHOUSE"].startswith("s3://")
        assert read <= told.keys()


def test_superset_is_told_all_that_its_settings_need(tmp_path: Path) -> None:
    told = service("superset")["environment"].keys()
    image = re.findall(r"(SUPERSET_\w+)=", (PROJECT / "docker" / "Dockerfile").read_text())
    assert superset_environment(Settings(home=tmp_path)).keys() == {*told, *image}


def test_trino_is_told_all_that_its_catalogue_needs() -> None:
    wanted = re.findall(r"\$\{ENV:(\w+)\}", (PROJECT / "docker" / "trino" / "lake.properties").read_text())
    assert set(wanted) <= service("trino")["environment"].keys()


def test_trino_has_the_rules_of_the_local_stack() -> None:
    mounts = dict(mount.split(":")[:2] for mount in service("trino")["volumes"])
    mounted = {target: PROJECT / source for source, target in mounts.items()}
    told = mounted["/etc/trino/access-control.properties"].read_text()
    assert told == "access-control.name=file\nsecurity.config-file=/etc/trino/rules.json\n"
    assert mounted["/etc/trino/rules.json"].read_text() == trino.RULES.read_text()


def test_the_scripts_of_the_images_are_python_that_parses() -> None:
    for script in (PROJECT / "docker").glob("*.py"):
        assert ast.get_docstring(ast.parse(script.read_text()))


def test_make_env_writes_every_secret_once_for_the_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    script = shutil.copy(PROJECT / "docker" / "make-env.sh", tmp_path / "docker")

    def make() -> str:
        subprocess.run(["sh", script], check=True, capture_output=True, env={"PATH": os.environ["PATH"]})
        return (tmp_path / ".env").read_text()

    first = make()
    values = dict(line.split("=") for line in first.splitlines())
    assert values.keys() == ENVIRONMENT
    assert len(set(values.values())) == len(ENVIRONMENT)
    assert all(len(value) == 48 for value in values.values())
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert make() == first, "an .env that is there is kept"
