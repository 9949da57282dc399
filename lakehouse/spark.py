"""A Spark session on the lake: one local JVM, small, exact (ANSI: overflow is an error), in UTC."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from lakehouse.catalog import CATALOG
from lakehouse.files import file_jars, file_options
from streaming.contracts.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

EXTENSIONS = "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"


def spark_session(settings: Settings, app_name: str, *, cores: int = 2, memory: str = "1g") -> SparkSession:
    """This process's session, made at the first call, with the lake as its default catalog.

    `memory` is the JVM's heap. Raises `stack.setup.jdk.MissingJdkError` where there is no full Java 17 or 21.
    """
    from pyspark.sql import SparkSession

    from stack.setup.jdk import jdk_home

    # pyspark finds Java, its address and its workers' Python through the environment alone.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["JAVA_HOME"] = str(jdk_home(settings, "spark"))
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    builder = SparkSession.builder.appName(app_name).master(f"local[{cores}]").config("spark.driver.memory", memory)
    for option, value in configuration(settings).items():
        builder = builder.config(option, value)
    session = builder.getOrCreate()
    # Not through the builder: pyspark puts what it is given there on Java's command line, for everybody to see.
    for option, value in credentials(settings).items():
        session.conf.set(option, value)
    return session


def configuration(settings: Settings) -> dict[str, str]:
    """Spark's options, without any secret; dbt's session takes the same."""
    from stack.setup.lock import locked

    lake = urlsplit(settings.postgres("lake"))
    name = f"spark.sql.catalog.{CATALOG}"
    return {
        "spark.jars": ",".join(str(artefact.path(settings)) for artefact in locked("spark") + file_jars(settings)),
        "spark.sql.extensions": EXTENSIONS,
        "spark.sql.defaultCatalog": CATALOG,
        name: "org.apache.iceberg.spark.SparkCatalog",
        f"{name}.catalog-impl": "org.apache.iceberg.jdbc.JdbcCatalog",
        f"{name}.uri": f"jdbc:postgresql://{lake.hostname}:{lake.port or 5432}{lake.path}",
        f"{name}.jdbc.schema-version": "V1",
        f"{name}.warehouse": settings.warehouse_uri,
        **{f"{name}.{option}": value for option, value in file_options(settings).items()},
        # Streams and people write too: what is listed must be what is there now.
        f"{name}.cache-enabled": "false",
        **engine(settings),
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.warehouse.dir": f"file://{settings.home.absolute()}/spark/warehouse",
    }


def engine(settings: Settings) -> dict[str, str]:
    """The options of every Spark of ours, with a lake or without: exact, in UTC, quiet, on loopback."""
    return {
        "spark.sql.ansi.enabled": "true",
        # Parameters are bound in the parsed statement: Iceberg's parser does not hand them on to be put into its text.
        "spark.sql.legacy.parameterSubstitution.constantsOnly": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.extraJavaOptions": "-Duser.timezone=UTC -XX:+UseSerialGC",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.local.dir": str(settings.home.absolute() / "spark" / "tmp"),
    }


def credentials(settings: Settings) -> dict[str, str]:
    """Who Spark is to the catalog's database; to be set on a session that runs already."""
    lake = urlsplit(settings.postgres("lake"))
    name = f"spark.sql.catalog.{CATALOG}"
    return {
        f"{name}.jdbc.user": unquote(lake.username or ""),
        f"{name}.jdbc.password": unquote(lake.password or ""),
    }
