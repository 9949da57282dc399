"""Dagster: a code server that holds the definitions once, the webserver and the daemon, with PostgreSQL behind."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import yaml

from stack.model import NotReadyError, Server
from stack.settings import StackSettings
from stack.setup.jdk import MissingJdkError, jdk_home
from stack.supervisord import run_folder
from stack.texts import UNBUFFERED, write_private

LOCATION = "tickhouse"
DATABASE = "DAGSTER_POSTGRES_URL"


def servers(settings: StackSettings) -> list[Server]:
    """The servers `dagster-code`, `dagster-webserver` and `dagster-daemon`."""
    folder = settings.home.absolute() / "dagster"
    workspace = str(folder / "workspace.yaml")
    environment = {
        "DAGSTER_HOME": str(folder),
        # Dagster is written for psycopg2: with psycopg 3, which SQLAlchemy 2.1 takes otherwise, `with connection`
        # closes it, and NOTIFY fails.
        DATABASE: settings.postgres("dagster").replace("postgresql://", "postgresql+psycopg2://", 1),
        **_java(settings),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        **UNBUFFERED,
    }

    ready: dict[str, Callable[[StackSettings], None]] = {"code": code_ready, "webserver": web_ready}

    def server(name: str, *command: str, needs: tuple[str, ...], port: int | None = None) -> Server:
        return Server(
            name=f"dagster-{name}",
            alias="dagster",
            command=command,
            ready=lambda: ready.get(name, _unasked)(settings),
            needs=needs,
            ready_words=DAEMON_READY if name == "daemon" else "",
            prepare=lambda: prepare(settings, folder),
            environment=environment,
            ports=(port,) if port else (),
            address=settings.dagster if port else "",
            data_limit=settings.dagster_memory,
        )

    port = settings.port("dagster")
    python = (sys.executable, "-m")
    code = ("api", "grpc", "--socket", str(socket_path(settings)), "--module-name", "orchestration.definitions")
    more = ("--location-name", LOCATION, "--inject-env-vars-from-instance", "--use-python-environment-entry-point")
    web = ("--host", "127.0.0.1", "--port", str(port), "--workspace", workspace, "--live-data-poll-rate", "5000")
    return [
        server("code", *python, "dagster", *code, *more, needs=("migrate",)),
        server("webserver", *python, "dagster_webserver", *web, needs=("dagster-code",), port=port),
        server("daemon", *python, "dagster._daemon", "run", "--workspace", workspace, needs=("dagster-code",)),
    ]


def _java(settings: StackSettings) -> dict[str, str]:
    try:
        return {"JAVA_HOME": str(jdk_home(settings, "spark"))}
    except MissingJdkError:  # `up` refuses before anything needs it
        return {}


def socket_path(settings: StackSettings) -> Path:
    """Where the code server listens."""
    return run_folder(settings) / "dagster.sock"


def _unasked(settings: StackSettings) -> None:
    """The daemon answers nobody: its log tells."""


def code_ready(settings: StackSettings) -> None:
    """NotReadyError unless the code server listens, which it does when it has loaded the definitions."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(socket_path(settings)))
        except OSError as error:
            raise NotReadyError("the definitions are being loaded") from error


def web_ready(settings: StackSettings) -> None:
    """An httpx error unless the webserver answers."""
    httpx.get(f"{settings.dagster}/server_info", timeout=5).raise_for_status()


DAEMON_READY = "Instance is configured with the following daemons"


def prepare(settings: StackSettings, folder: Path) -> None:
    """Render the instance and the workspace. The database's password is in the environment alone."""
    instance = {
        "storage": {"postgres": {"postgres_url": {"env": DATABASE}}},
        "local_artifact_storage": _local("dagster._core.storage.root", "LocalArtifactStorage", folder / "storage"),
        "compute_logs": _local(
            "dagster._core.storage.local_compute_log_manager", "LocalComputeLogManager", folder / "logs"
        ),
        # One run at a time: each may have a Spark of its own.
        # However many runs: one step of a pool, and so one Spark, at a time (orchestration/steps.py).
        "concurrency": {
            "runs": {"max_concurrent_runs": settings.dagster_runs},
            "pools": {"default_limit": 1, "granularity": "op"},
        },
        "freshness": {"enabled": True},
        "run_monitoring": {"enabled": True},
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},  # no invitation to sign up for a newsletter
        "schedules": {"use_threads": True, "num_workers": 2},
        "sensors": {"use_threads": True, "num_workers": 2},
    }
    grpc_server = {"socket": str(socket_path(settings)), "location_name": LOCATION}
    write_private(folder / "dagster.yaml", yaml.safe_dump(instance))
    write_private(folder / "workspace.yaml", yaml.safe_dump({"load_from": [{"grpc_server": grpc_server}]}))


def _local(module: str, name: str, folder: Path) -> dict[str, object]:
    return {"module": module, "class": name, "config": {"base_dir": str(folder)}}
