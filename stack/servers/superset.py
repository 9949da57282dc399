"""Superset under gunicorn, with one worker: its cache and its count of log-in attempts are that process's memory."""

from __future__ import annotations

import httpx

from stack import dashboards
from stack.model import Server, Step
from stack.settings import StackSettings
from stack.setup.environments import environment
from stack.texts import UNBUFFERED

THREADS = 8
TIMEOUT = 120
"""Seconds that a request may take before gunicorn starts its worker anew."""


def nodes(settings: StackSettings) -> list[Server | Step]:
    """The metadata database, the server, and the dashboards in it."""
    command = [
        str(environment(settings, "superset") / "bin" / "gunicorn"),
        *("--bind", f"127.0.0.1:{settings.port('superset')}"),
        *("--workers", "1", "--worker-class", "gthread", "--threads", str(THREADS)),
        *("--timeout", str(TIMEOUT), "--graceful-timeout", "5", "--worker-tmp-dir", "/dev/shm"),  # noqa: S108
        "superset.app:create_app()",
    ]
    return [
        Step("superset-database", lambda: _initialise(settings), needs=("migrate",), alias="superset"),
        Server(
            name="superset-server",
            alias="superset",
            command=tuple(command),
            ready=lambda: ready(settings),
            needs=("superset-database",),
            environment=dashboards.environment(settings) | UNBUFFERED,
            ports=(settings.port("superset"),),
            address=settings.superset,
            data_limit=settings.superset_memory,
        ),
        Step("dashboards", lambda: _import(settings), needs=("superset-server", "trino"), alias="superset"),
    ]


def _initialise(settings: StackSettings) -> None:
    dashboards.initialise(settings)


def _import(settings: StackSettings) -> None:
    dashboards.import_dashboards(settings)


def ready(settings: StackSettings) -> None:
    """An httpx error unless Superset answers."""
    httpx.get(f"{settings.superset}/health", timeout=5).raise_for_status()
