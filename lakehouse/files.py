"""How every engine reaches the warehouse's files: Hadoop's file system for `file:`, AWS's own client for S3.

Who may is never here: each client takes AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what else AWS's clients know,
from its own process's environment, so that no key is in a file or on a command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from streaming.contracts.settings import Settings

if TYPE_CHECKING:
    from stack.setup.lock import Artefact

HADOOP = "org.apache.iceberg.hadoop.HadoopFileIO"
"""What Iceberg's JDBC catalog takes unless it is told otherwise."""
RESOLVING = "org.apache.iceberg.io.ResolvingFileIO"
"""S3's own client for s3 addresses, Hadoop's for all others."""


def on_s3(location: str) -> bool:
    """Whether a warehouse's or a table's URI is on S3, or on a server that speaks like it."""
    return urlsplit(location).scheme in ("s3", "s3a")


def file_jars(settings: Settings) -> list[Artefact]:
    """What Spark and Flink need on their class paths for the warehouse's files: Iceberg's S3 client, or nothing."""
    from stack.setup.lock import locked

    return locked("s3") if on_s3(settings.warehouse_uri) else []


def file_options(settings: Settings) -> dict[str, str]:
    """Iceberg's catalog options for the warehouse's files, the same in Java and in Python; none for `file:`."""
    if not on_s3(settings.warehouse_uri):
        return {}
    options = {"io-impl": RESOLVING}
    if settings.s3_endpoint:
        # A server of one's own has no host name for each bucket.
        options |= {"s3.endpoint": settings.s3_endpoint, "s3.path-style-access": "true"}
    if settings.s3_region:
        options["client.region"] = settings.s3_region
    return options
