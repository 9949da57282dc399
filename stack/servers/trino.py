"""Trino, with one catalogue: the lake.

Who may do what is in `trino_rules.json`: `tickhouse` everything, `superset` and `analyst` read, nobody else anything.
Trino takes a user at his word (it wants TLS before it asks for passwords), so this keeps a dashboard or a person from
writing by mistake; what keeps strangers out is that Trino listens on loopback alone.
"""

from __future__ import annotations

import uuid
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from lakehouse.files import on_s3
from stack.model import NotReadyError, Server
from stack.settings import StackSettings
from stack.setup.jdk import QUICK_START, jdk_home
from stack.setup.trino import trino_home
from stack.texts import properties, write_private

RULES = files("stack.servers") / "trino_rules.json"
LOG = "io.trino=WARN\nio.airlift=WARN\n"


def server(settings: StackSettings) -> Server:
    """The server `trino`."""
    folder = settings.home.absolute() / "trino"
    home = trino_home(settings)
    options = [
        f"-Xmx{settings.trino_memory}m",
        "-XX:+UseG1GC",
        "-XX:G1HeapRegionSize=8M",
        *QUICK_START,
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:MaxMetaspaceSize=384m",
        "-XX:ReservedCodeCacheSize=160m",
        "-XX:MaxDirectMemorySize=192m",
        "-XX:-OmitStackTraceInFastThrow",
        "-XX:+UnlockDiagnosticVMOptions",
        "--sun-misc-unsafe-memory-access=allow",
        "--enable-native-access=ALL-UNNAMED",
        "-Djdk.attach.allowAttachSelf=true",
        "-Dfile.encoding=UTF-8",
        "-Duser.timezone=UTC",
        f"-Dlog.levels-file={folder / 'log.properties'}",
        "-Dnode.environment=tickhouse",
        f"-Dnode.id={uuid.uuid5(uuid.NAMESPACE_URL, str(folder))}",
        f"-Dnode.data-dir={folder / 'data'}",
        f"-Dconfig={folder / 'config.properties'}",
    ]
    return Server(
        name="trino",
        command=(
            str(jdk_home(settings, "trino") / "bin" / "java"),
            *options,
            "-cp",
            f"{home}/lib/*",
            "io.trino.server.TrinoServer",
        ),
        ready=lambda: ready(settings),
        needs=("migrate",),
        prepare=lambda: prepare(settings, folder),
        ports=(settings.port("trino"),),
        address=settings.trino,
    )


def ready(settings: StackSettings) -> None:
    """An httpx error or NotReadyError unless Trino takes queries."""
    if httpx.get(f"{settings.trino}/v1/info", timeout=5).raise_for_status().json()["starting"]:
        raise NotReadyError("it is still starting")


def catalog(settings: StackSettings) -> str:
    """The catalogue `lake`: Iceberg's JDBC catalogue in PostgreSQL, password included."""
    url = urlsplit(settings.postgres("lake"))
    files = {"fs.native-local.enabled": "true", "local.location": "/"}
    if on_s3(settings.warehouse_uri):
        files = {"fs.native-s3.enabled": "true"}
        if settings.s3_endpoint:
            files |= {"s3.endpoint": settings.s3_endpoint, "s3.path-style-access": "true"}
        if settings.s3_region:
            files["s3.region"] = settings.s3_region
    return properties(
        {
            "connector.name": "iceberg",
            "iceberg.catalog.type": "jdbc",
            "iceberg.jdbc-catalog.catalog-name": "lake",
            "iceberg.jdbc-catalog.driver-class": "org.postgresql.Driver",
            "iceberg.jdbc-catalog.connection-url": f"jdbc:postgresql://{url.hostname}:{url.port or 5432}/lake",
            "iceberg.jdbc-catalog.connection-user": unquote(url.username or ""),
            "iceberg.jdbc-catalog.connection-password": unquote(url.password or ""),
            "iceberg.jdbc-catalog.default-warehouse-dir": settings.warehouse_uri,
            "iceberg.jdbc-catalog.schema-version": "V1",
            # Flink and Spark write. The rules by user do not know table procedures, such as `expire_snapshots`.
            "iceberg.security": "READ_ONLY",
            **files,
        }
    )


def prepare(settings: StackSettings, folder: Path) -> None:
    """Render the configuration. Trino is on loopback alone."""
    values = {
        "coordinator": "true",
        "node-scheduler.include-coordinator": "true",
        "node.bind-ip": "127.0.0.1",
        "node.internal-address": "127.0.0.1",
        "http-server.http.port": settings.port("trino"),
        "discovery.uri": f"http://127.0.0.1:{settings.port('trino')}",
        "plugin.dir": trino_home(settings) / "plugin",
        "catalog.config-dir": folder / "catalog",
        "catalog.management": "static",
        "access-control.config-files": folder / "access-control.properties",
        "sql.default-catalog": "lake",
        "sql.default-schema": "market",
        "query.max-history": 50,
        "http-server.log.enabled": "false",
    }
    rules = {"access-control.name": "file", "security.config-file": folder / "rules.json"}
    (folder / "data").mkdir(parents=True, exist_ok=True)
    write_private(folder / "config.properties", properties(values))
    write_private(folder / "access-control.properties", properties(rules))
    write_private(folder / "rules.json", RULES.read_text(encoding="utf-8"))
    write_private(folder / "log.properties", LOG)
    write_private(folder / "catalog" / "lake.properties", catalog(settings))
