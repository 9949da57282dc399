"""Write, audit, publish: what dbt builds is seen by nobody until all its tests have passed, then all at once.

dbt builds and tests in the schemas `staging_audit` and `marts_audit`. To publish is to point the catalog's rows of
`staging` and `marts` at the metadata of those tables, in one transaction of PostgreSQL: no data is copied, no reader
sees half of it. What a failed run built stays to be looked at until the next run, which begins from what is published.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import psycopg
import structlog
from psycopg.rows import scalar_row

from streaming.contracts.settings import Settings

PUBLISHED = ("staging", "marts")
"""The schemas that dbt builds."""
SUFFIX = "_audit"
"""What dbt/macros/generate_schema_name.sql puts behind their names."""
LOCK = 0x6D61727473
"""PostgreSQL's advisory lock of a build ("marts")."""

log = structlog.get_logger()


class BeingBuiltError(RuntimeError):
    """Another run builds the marts at this moment."""


@contextmanager
def audited(settings: Settings) -> Iterator[None]:
    """Build and test the marts within: they are published at its end; where it ends by an exception, none is.

    BeingBuiltError while another process does the same; psycopg.OperationalError where PostgreSQL does not answer.
    """
    from lakehouse.catalog import catalog

    catalog(settings).close()  # which makes the catalog's tables, if nobody has
    with psycopg.connect(settings.postgres("lake"), autocommit=True, row_factory=scalar_row) as connection:
        if not connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone():
            raise BeingBuiltError("The marts are being built by another run: wait until it has ended, then try again")
        with connection.transaction():
            _execute(connection, "restore_1_forget")
            _execute(connection, "restore_2_copy")
        yield
        published = _execute(connection, "publish").fetchall()
        log.info("published", tables=len(published))


def _execute(connection: psycopg.Connection[Any], statement: str) -> psycopg.Cursor[Any]:
    """One statement of `lakehouse/sql/`."""
    from lakehouse.catalog import CATALOG

    names = {
        "catalog": CATALOG,
        "published": list(PUBLISHED),
        "audited": [name + SUFFIX for name in PUBLISHED],
        "suffix": SUFFIX,
    }
    return connection.execute((files("lakehouse") / "sql" / f"{statement}.sql").read_bytes(), names)
