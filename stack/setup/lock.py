"""The JVM artefacts and their sums, as `requirements/jvm.lock` holds them: one line an artefact, no registry named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from streaming.contracts.settings import PROJECT, Settings

LOCK = PROJECT / "requirements" / "jvm.lock"
ON_DEMAND = frozenset({"s3", "s3proxy"})
"""What is fetched only where it is asked for: Iceberg's S3 client for a warehouse on S3, an S3 server by its test."""


@dataclass(frozen=True)
class Artefact:
    """One file of a Maven repository. `packaging` is its extension, `size` in bytes; most have no `classifier`."""

    group: str
    artefact: str
    packaging: str
    version: str
    sha256: str
    size: int
    classifier: str = ""

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{'-'.join(filter(None, (self.artefact, self.version, self.classifier)))}.{self.packaging}"

    @property
    def coordinate(self) -> str:
        """group:artefact:packaging[:classifier]:version"""
        return ":".join(filter(None, (self.group, self.artefact, self.packaging, self.classifier, self.version)))

    def path(self, settings: Settings) -> Path:
        """Where the file is in the cache: a Maven repository's layout."""
        return settings.cache.joinpath("maven", *self.group.split("."), self.artefact, self.version, self.name)


def locked(*servers: str) -> list[Artefact]:
    """What the lock holds for these names (kafka, flink, …); without any, for all but `ON_DEMAND`. Each file once."""
    found = {
        artefact.coordinate: artefact
        for server, artefact in parse(LOCK.read_text(encoding="utf-8"))
        if (server in servers if servers else server not in ON_DEMAND)
    }
    return list(found.values())


def parse(text: str) -> list[tuple[str, Artefact]]:
    """The lines of a lock; ValueError names the one that cannot be read."""
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        try:
            server, coordinate, sum_, size = line.split()
            group, artefact, packaging, *classifier, version = coordinate.split(":")
            sha256 = sum_.removeprefix("sha256:")
            entries.append(
                (server, Artefact(group, artefact, packaging, version, sha256, int(size), "".join(classifier)))
            )
        except ValueError as error:
            raise ValueError(
                f"{LOCK.name}, line {number} is not `server coordinate sha256:sum size`: {line}"
            ) from error
    return entries


def render(entries: list[tuple[str, Artefact]]) -> str:
    """The text that `parse` reads."""
    head = "# Written by `make lock` from jvm.toml: server, coordinate, sha256, size in bytes.\n"
    return head + "".join(f"{server} {a.coordinate} sha256:{a.sha256} {a.size}\n" for server, a in entries)
