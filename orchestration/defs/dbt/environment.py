"""What dbt's profile reads from the environment, from the settings of the platform."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from streaming.contracts.settings import Settings


def environment(settings: Settings) -> dict[str, str]:
    """The variables of dbt/profiles.yml.

    No password is among them: it is in a file that only the owner can read, which is (re)written here.
    """
    from lakehouse.files import HADOOP, file_options
    from lakehouse.spark import configuration
    from stack.setup.jdk import jdk_home

    lake = urlsplit(settings.postgres("lake"))
    files = file_options(settings)
    return {
        "JAVA_HOME": str(jdk_home(settings, "spark")),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PGPASSFILE": str(password_file(settings)),
        "LAKE_SPARK_JARS": configuration(settings)["spark.jars"],
        "LAKE_SPARK_SCRATCH": str(settings.home.absolute() / "spark"),
        "LAKE_JDBC_URI": f"jdbc:postgresql://{lake.hostname}:{lake.port or 5432}{lake.path}",
        "LAKE_JDBC_USER": unquote(lake.username or ""),
        "LAKE_WAREHOUSE": settings.warehouse_uri,
        "LAKE_FILE_IO": files.get("io-impl", HADOOP),
        "LAKE_S3_PATH_STYLE": files.get("s3.path-style-access", "false"),
    }


def password_file(settings: Settings) -> Path:
    """The password of the lake's catalog in the form of PostgreSQL's clients (pgpass), mode 0600."""
    lake = urlsplit(settings.postgres("lake"))
    fields = (
        lake.hostname,
        lake.port or 5432,
        lake.path[1:],
        unquote(lake.username or ""),
        unquote(lake.password or ""),
    )
    line = ":".join(re.sub(r"([:\\])", r"\\\1", str(field)) for field in fields)
    folder = settings.home.absolute() / "dbt"
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"pgpass.{os.getpid()}"
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(line + "\n")
    return partial.replace(folder / "pgpass")


@contextmanager
def within(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while: dagster-dbt hands its own environment on, and takes no other."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
