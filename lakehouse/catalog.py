"""The one Iceberg catalog that Flink, Spark, Trino and Python share: the JDBC catalog, in PostgreSQL."""

from __future__ import annotations

from pyiceberg.catalog.sql import SqlCatalog

from lakehouse.files import file_options
from streaming.contracts.settings import Settings

CATALOG = "lake"
"""The catalog's name, the same in every engine: it is part of the catalog's rows."""


def catalog(settings: Settings) -> SqlCatalog:
    """The catalog, its own tables made at the first call.

    Raises sqlalchemy.exc.OperationalError where PostgreSQL does not answer or has no database `lake`. Close it
    with `close()`.
    """
    url = settings.postgres("lake").replace("postgresql://", "postgresql+psycopg://", 1)
    return SqlCatalog(
        CATALOG,
        uri=url,
        warehouse=settings.warehouse_uri,
        pool_pre_ping="true",
        schema_version="v1",
        **file_options(settings),
    )
