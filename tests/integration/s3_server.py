"""A real server that speaks S3, on a port and a folder of its own: s3proxy, one Java process."""

from __future__ import annotations

import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyarrow import fs

from stack.setup import artefacts
from stack.setup.cache import writing
from stack.setup.jdk import jdk_home
from stack.setup.lock import locked
from streaming.contracts.settings import Settings

BUCKET = "lake"


def fetch(settings: Settings, *names: str) -> None:
    """Into the cache, what the lock holds for these names."""
    with writing(settings, lambda: None):
        artefacts.download(artefacts.missing(locked(*names), settings), settings)


@contextmanager
def s3_server(settings: Settings, folder: Path) -> Iterator[dict[str, str]]:
    """The variables by which every client finds the server, and may use its bucket."""
    fetch(settings, "s3", "s3proxy")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    variables = {
        "AWS_ENDPOINT_URL_S3": address,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": secrets.token_hex(8),
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16),
        # Newer AWS clients send checksums of a kind that not every S3-compatible server knows.
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
    }
    (folder / "files").mkdir(parents=True)
    configuration = {
        "s3proxy.endpoint": address,
        "s3proxy.authorization": "aws-v2-or-v4",
        "s3proxy.identity": variables["AWS_ACCESS_KEY_ID"],
        "s3proxy.credential": variables["AWS_SECRET_ACCESS_KEY"],
        "jclouds.provider": "filesystem-nio2",
        "jclouds.filesystem.basedir": str(folder / "files"),
    }
    (folder / "s3proxy.conf").write_text("".join(f"{name}={value}\n" for name, value in configuration.items()))
    (jar,) = locked("s3proxy")
    java = str(jdk_home(settings, "kafka") / "bin" / "java")
    with (
        (folder / "s3proxy.log").open("wb") as log,
        subprocess.Popen(
            [java, "-Xmx256m", "-jar", str(jar.path(settings)), "--properties", str(folder / "s3proxy.conf")],
            stdout=log,
            stderr=log,
        ) as server,
    ):
        try:
            make_bucket(variables)
            yield variables
        finally:
            server.terminate()


def client(variables: dict[str, str]) -> fs.S3FileSystem:
    return fs.S3FileSystem(
        endpoint_override=variables["AWS_ENDPOINT_URL_S3"],
        region=variables["AWS_REGION"],
        access_key=variables["AWS_ACCESS_KEY_ID"],
        secret_key=variables["AWS_SECRET_ACCESS_KEY"],
        allow_bucket_creation=True,
    )


def make_bucket(variables: dict[str, str]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            return client(variables).create_dir(BUCKET)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
