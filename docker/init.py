"""Once, before the services start: the warehouse's bucket, the topics, the databases and the tables. Repeatable."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from pyarrow import fs
from tenacity import retry, stop_after_delay, wait_fixed

from lakehouse.tables import create_tables
from streaming.contracts.provision import create_topics
from streaming.contracts.settings import settings
from streaming.settlement.migrate import migrate


@retry(wait=wait_fixed(2), stop=stop_after_delay(60), reraise=True)
def create_bucket(warehouse: str) -> None:
    """Make the bucket of an `s3://` warehouse; where it is and who may is in the AWS_ variables."""
    address = urlsplit(warehouse)
    if address.scheme == "s3":
        server = fs.S3FileSystem(endpoint_override=os.environ["AWS_ENDPOINT_URL_S3"], allow_bucket_creation=True)
        server.create_dir(address.netloc)


def main() -> None:
    """All of it, in order."""
    here = settings()
    create_bucket(here.warehouse_uri)
    create_topics(here)
    migrate(here)
    create_tables(here)


if __name__ == "__main__":
    main()
