"""Superset, made ready from the files in `superset/`: metadata database, dashboard, and a question to every chart.

python -m stack.dashboards              # import the dashboard into the running Superset
python -m stack.dashboards --initialise # only prepare the metadata database (needs PostgreSQL only)
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from zipfile import ZIP_DEFLATED, ZipFile

import httpx
import psycopg
import yaml
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from streaming.contracts.settings import PROJECT, Settings, settings

ASSETS = PROJECT / "superset" / "assets"
CONFIG = PROJECT / "superset" / "superset_config.py"
INITIALISE = PROJECT / "superset" / "initialise.py"
REQUIREMENTS = PROJECT / "requirements" / "superset.txt"
USERNAME = "admin"
ANALYST = "analyst"
TRINO_USER = "superset"
"""Trino's rules (stack/servers/trino_rules.json) let it read, and nothing else."""
MAY_BE_EMPTY = frozenset(
    {
        "Latest alerts",
        "Alerts by rule",
        "Alerts by day",
        "Alerts by symbol and rule",
        "How well the rules find what was planted",
        "Last reconciliation",
        "Differences found",
        "Dead letters",
        "Halts and pauses",
        # Of returns of many days.
        "Value at risk",
        "Value at risk by risk profile",
        "Value at risk by three methods",
        "Dollars at risk",
        "Traders by value at risk",
        "Are the measures right?",
        "Beta",
        "Correlation of the symbols",
    }
)
"""Charts that say nothing on a quiet market, or on one of a few days."""
KINDS = {"databases": "database", "datasets": "dataset", "charts": "chart", "dashboards": "dashboard"}
"""Folders of the export format, and the name of each in Superset's REST interface."""


class DashboardError(Exception):
    """Superset refused, or did not do, what it was asked; the message says what."""


def environment(settings: Settings) -> dict[str, str]:
    """What `superset_config.py` needs to be told. It holds passwords: never log it."""
    return {
        "SUPERSET_CONFIG_PATH": str(CONFIG),
        "SUPERSET_HOME": str(settings.home.absolute() / "superset"),
        "SUPERSET_SECRET_KEY": settings.secrets().superset_secret_key,
        "SUPERSET_DATABASE_URI": settings.postgres("superset"),
    }


def python(settings: Settings) -> Path:
    """The interpreter that Superset is installed in, named after its requirement file."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    return settings.cache / "envs" / f"superset-{digest}" / "bin" / "python"


def initialise(settings: Settings) -> bool:
    """Bring Superset's metadata database, roles and users up to date. Needs PostgreSQL only.

    Returns False, at once, where nothing has changed since the last time.
    """
    home = settings.home / "superset"
    home.mkdir(parents=True, exist_ok=True)
    stamp = home / "initialised"
    fingerprint = _fingerprint(settings)
    if stamp.exists() and stamp.read_text() == fingerprint and _has_administrator(settings):
        return False
    secrets = settings.secrets()
    passwords = {
        "SUPERSET_ADMIN_PASSWORD": secrets.superset_password,
        "SUPERSET_ANALYST_PASSWORD": secrets.superset_analyst_password,
    }
    done = subprocess.run(
        [str(python(settings)), str(INITIALISE)],
        env={**os.environ, **environment(settings), **passwords},
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise DashboardError("Superset's metadata database could not be made ready:\n" + done.stdout[-3000:])
    stamp.write_text(fingerprint)
    return True


def _fingerprint(settings: Settings) -> str:
    """What the outcome of `initialise.py` depends on. The passwords have 192 random bits: their hash tells nothing."""
    digest = hashlib.sha256()
    for path in (REQUIREMENTS, CONFIG, INITIALISE):
        digest.update(path.read_bytes())
    digest.update(settings.postgres("superset").encode())
    digest.update(settings.secrets().superset_password.encode())
    digest.update(settings.secrets().superset_analyst_password.encode())
    return digest.hexdigest()


def _has_administrator(settings: Settings) -> bool:
    """Whether the database that was initialised is still there."""
    try:
        with psycopg.connect(settings.postgres("superset"), connect_timeout=10) as connection:
            row = connection.execute("SELECT 1 FROM ab_user WHERE username = %s", [USERNAME]).fetchone()
            return row is not None
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidCatalogName):
        return False


def load(kind: str) -> dict[str, dict[str, Any]]:
    """The files of `superset/assets/<kind>`, by their path in the bundle."""
    return {
        path.relative_to(ASSETS).as_posix(): yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted((ASSETS / kind).rglob("*.yaml"))
    }


def bundle(settings: Settings) -> bytes:
    """The ZIP that Superset imports: the files as they are, addresses put in. It holds a password: do not keep it."""
    addresses = {
        "Tickhouse lake": f"trino://{TRINO_USER}@{urlsplit(settings.trino).netloc}/lake",
        "Tickhouse ledger": settings.postgres("tickhouse", "reader"),
    }
    content = io.BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as archive:
        metadata = {"version": "1.0.0", "type": "assets", "timestamp": "2026-01-01T00:00:00+00:00"}
        archive.writestr("tickhouse/metadata.yaml", yaml.safe_dump(metadata))
        for kind in KINDS:
            for name, asset in load(kind).items():
                if kind == "databases":
                    asset["sqlalchemy_uri"] = addresses[asset["database_name"]]
                if asset.get("query_context"):  # a mapping in our files, for the reader; text in Superset's format
                    asset["query_context"] = json.dumps(asset["query_context"])
                archive.writestr(f"tickhouse/{name}", yaml.safe_dump(asset, sort_keys=False))
    return content.getvalue()


def password(settings: Settings, username: str) -> str:
    """The password of one of our users of Superset."""
    secrets = settings.secrets()
    return {USERNAME: secrets.superset_password, ANALYST: secrets.superset_analyst_password}[username]


class Superset:
    """A session of a user, the administrator unless `username` says otherwise, with Superset's REST interface."""

    def __init__(self, settings: Settings, username: str = USERNAME) -> None:
        self._client = httpx.Client(base_url=settings.superset, timeout=120)
        login = {"username": username, "password": password(settings, username), "provider": "db", "refresh": False}
        _wait_until_healthy(self._client)
        token = self._json(self._client.post("/api/v1/security/login", json=login))["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"
        csrf = self.get("/api/v1/security/csrf_token/")["result"]
        self._client.headers.update({"X-CSRFToken": csrf, "Referer": settings.superset})

    def __enter__(self) -> Superset:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str) -> dict[str, Any]:
        """The answer to GET `path`."""
        return self._json(self._client.get(path))

    def post(self, path: str, **content: Any) -> dict[str, Any]:
        """The answer to POST `path`; `content` as httpx takes it (`json`, `data`, `files`)."""
        return self._json(self._client.post(path, **content))

    def status(self, method: str, path: str) -> int:
        """The HTTP status of a request with an empty object: whether the user may ask it at all."""
        return self._client.request(method, path, json={}).status_code

    def ids(self, kind: str) -> dict[str, int]:
        """The ids of everything of a kind (see `KINDS`), by uuid."""
        query = quote("(page_size:100)")
        return {found["uuid"]: found["id"] for found in self.get(f"/api/v1/{KINDS[kind]}/?q={query}")["result"]}

    @staticmethod
    def _json(response: httpx.Response) -> dict[str, Any]:
        if response.is_error:
            raise DashboardError(
                f"{response.request.method} {response.request.url.path} answered {response.status_code}: "
                f"{response.text[:2000]}"
            )
        answer: dict[str, Any] = response.json()
        return answer


@retry(retry=retry_if_exception_type(httpx.TransportError), wait=wait_fixed(1), stop=stop_after_delay(60), reraise=True)
def _wait_until_healthy(client: httpx.Client) -> None:
    client.get("/health").raise_for_status()


def import_dashboards(settings: Settings) -> dict[str, int]:
    """Put the files of `superset/assets` into the running Superset, over what is there; how many of each kind.

    Superset may log an error and answer that all went well: so every object is looked for afterwards.
    """
    counts: dict[str, int] = {}
    with Superset(settings) as superset:
        superset.post(
            "/api/v1/assets/import/", files={"bundle": ("tickhouse.zip", bundle(settings), "application/zip")}
        )
        for kind in KINDS:
            wanted = {asset["uuid"]: name for name, asset in load(kind).items()}
            missing = wanted.keys() - superset.ids(kind).keys()
            if missing:
                raise DashboardError("Superset did not import " + ", ".join(sorted(wanted[uuid] for uuid in missing)))
            counts[kind] = len(wanted)
    return counts


def chart_data(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """Ask the running Superset for the data of each of our charts; its rows, by the chart's name.

    DashboardError where one of them fails: the text names the chart.
    """
    answers: dict[str, list[dict[str, Any]]] = {}
    with Superset(settings) as superset:
        ids = superset.ids("charts")
        for chart in load("charts").values():
            name = chart["slice_name"]
            if chart["uuid"] not in ids:
                raise DashboardError(f"chart {name!r} is not in Superset: import the dashboard first")
            stored = superset.get(f"/api/v1/chart/{ids[chart['uuid']]}")["result"]
            try:
                answer = superset.post(
                    "/api/v1/chart/data", json={**json.loads(stored["query_context"]), "force": True}
                )
            except DashboardError as error:
                raise DashboardError(f"chart {name!r}: {error}") from None
            answers[name] = [row for result in answer["result"] for row in result["data"]]
    return answers


def main() -> None:
    """Import the dashboard, or with `--initialise` prepare the metadata database."""
    parser = argparse.ArgumentParser(prog="python -m stack.dashboards", description="Prepare Superset.")
    parser.add_argument("--initialise", action="store_true", help="only prepare the metadata database")
    try:
        if parser.parse_args().initialise:
            initialise(settings())
        else:
            counts = import_dashboards(settings())
            sys.stdout.write("imported " + ", ".join(f"{count} {kind}" for kind, count in counts.items()) + "\n")
    except (DashboardError, httpx.HTTPError, psycopg.Error) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
