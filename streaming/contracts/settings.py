"""Where everything is: the addresses and folders that the services agree on.

Every value can be set by an environment variable with the prefix `TICKHOUSE_` (for example
`TICKHOUSE_KAFKA_BOOTSTRAP`); where S3 is, by the variables that every client of it knows. On one machine the defaults
fit together; on a cluster only these change.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import BaseModel, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).resolve().parents[2]
Database = Literal["tickhouse", "lake", "dagster", "superset"]
Role = Literal["owner", "reader"]


class Secrets(BaseModel):
    """Passwords and keys of one stack; generated once, kept in `<home>/secrets.json` with mode 0600."""

    postgres_password: str
    reader_password: str
    superset_password: str
    superset_analyst_password: str
    superset_secret_key: str


class Settings(BaseSettings):
    """Addresses, folders and ports.

    The default ports all move by `port_offset`, so that two stacks can stand side by side.
    """

    model_config = SettingsConfigDict(env_prefix="TICKHOUSE_", extra="ignore", populate_by_name=True)

    home: Path = Field(PROJECT / ".tickhouse", description="Everything a stack writes: data, logs, secrets")
    cache: Path = Field(
        Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "tickhouse",
        description="Environments and JVM artefacts, shared between clones",
    )
    port_offset: int = Field(0, ge=0, le=40_000, description="Added to every default port")

    kafka_bootstrap: str | None = Field(None, description="Kafka brokers; default: the local stack's")
    kafka_partitions: int = Field(2, ge=1, le=1024, description="Partitions of the topics keyed by symbol")
    kafka_retention_hours: int = Field(168, ge=1, description="How long topics keep messages")
    postgres_url: str | None = Field(
        None, description="postgresql://user:password@host:port of a server to use; default: the local stack's"
    )
    warehouse: str | None = Field(None, description="Iceberg warehouse URI; default: file://<home>/warehouse")
    s3_endpoint: str | None = Field(
        None, validation_alias="AWS_ENDPOINT_URL_S3", description="Server of an s3:// warehouse; default: AWS's own"
    )
    s3_region: str | None = Field(None, validation_alias="AWS_REGION", description="Region of an s3:// warehouse")
    checkpoints: str | None = Field(None, description="Flink's checkpoints, a URI; default: file://<home>/flink/…")
    checkpoint_seconds: int = Field(10, ge=1, le=3600, description="Flink's checkpoint interval, and so its commits")
    price_move_threshold: float = Field(6.0, ge=3, le=1000, description="Robust z-score from which a move is an alert")
    price_move_bars: int = Field(60, ge=20, le=390, description="How many returns before it a price move is judged by")
    flink_url: str | None = Field(None, description="Flink REST address; default: the local stack's")
    trino_url: str | None = Field(None, description="Trino address; default: the local stack's")
    superset_url: str | None = Field(None, description="Superset address; default: the local stack's")
    dagster_url: str | None = Field(None, description="Dagster address; default: the local stack's")

    def port(self, name: str) -> int:
        """The port that the local stack's server `name` listens on."""
        return PORTS[name] + self.port_offset

    @property
    def kafka(self) -> str:
        """Bootstrap servers, host:port."""
        return self.kafka_bootstrap or f"127.0.0.1:{self.port('kafka')}"

    @property
    def flink(self) -> str:
        """Address of Flink's REST interface and web UI."""
        return self.flink_url or f"http://127.0.0.1:{self.port('flink')}"

    @property
    def trino(self) -> str:
        """Address of Trino."""
        return self.trino_url or f"http://127.0.0.1:{self.port('trino')}"

    @property
    def superset(self) -> str:
        """Address of Superset."""
        return self.superset_url or f"http://127.0.0.1:{self.port('superset')}"

    @property
    def dagster(self) -> str:
        """Address of Dagster's web UI."""
        return self.dagster_url or f"http://127.0.0.1:{self.port('dagster')}"

    @property
    def warehouse_uri(self) -> str:
        """Where the Iceberg tables' files are."""
        return self.warehouse or f"file://{self.home.absolute()}/warehouse"

    @property
    def checkpoints_uri(self) -> str:
        """Where Flink's checkpoints are: what a job resumes from."""
        return self.checkpoints or f"file://{self.home.absolute()}/flink/checkpoints"

    def postgres(self, database: Database = "tickhouse", role: Role = "owner") -> str:
        """The `postgresql://` URL of a database, password included: never log it."""
        if self.postgres_url:
            base = urlsplit(self.postgres_url)
        else:
            password = quote(self.secrets().postgres_password)
            base = urlsplit(f"postgresql://tickhouse:{password}@127.0.0.1:{self.port('postgres')}")
        netloc = base.netloc
        if role == "reader":
            netloc = f"tickhouse_reader:{quote(self.secrets().reader_password)}@{netloc.rpartition('@')[2]}"
        return urlunsplit((base.scheme, netloc, f"/{database}", base.query, ""))

    def secrets(self) -> Secrets:
        """The stack's passwords: `TICKHOUSE_<NAME>` where all are given (containers), else made at the first call."""
        given = {name: os.environ.get(f"TICKHOUSE_{name.upper()}") for name in Secrets.model_fields}
        if all(given.values()):
            return Secrets.model_validate(given)
        path = self.home / "secrets.json"
        if _lacking(path):
            self.home.mkdir(parents=True, exist_ok=True)
            with (self.home / "secrets.lock").open("w") as lock:  # of two who race, one makes them
                fcntl.flock(lock, fcntl.LOCK_EX)
                if missing := _lacking(path):
                    _add_secrets(path, missing)
        return Secrets.model_validate_json(path.read_text())


def _lacking(path: Path) -> set[str]:
    """The secrets that the file does not hold: all of a new stack's, or what an older version did not know."""
    return Secrets.model_fields.keys() - (json.loads(path.read_text()).keys() if path.exists() else set())


def _add_secrets(path: Path, names: set[str]) -> None:
    """Make the secrets `names`, and put the whole file in the place of the one that is there."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:  # mode 0600
        json.dump(kept | {name: secrets.token_urlsafe(24) for name in sorted(names)}, file)
    os.replace(file.name, path)


PORTS = {
    "postgres": 15432,
    "kafka": 19092,
    "kafka_controller": 19093,
    "flink": 18081,
    "flink_rpc": 16123,
    "flink_blob": 16124,
    "trino": 18080,
    "superset": 18088,
    "dagster": 13000,
}


@lru_cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
