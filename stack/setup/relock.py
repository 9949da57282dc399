"""Resolves `requirements/jvm.toml` into `jvm.lock`: `python -m stack.setup.relock`."""

from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path
from typing import Any

from jgo.maven import MavenContext, PythonResolver
from jgo.parse import Coordinate
from rich.console import Console

from stack.setup.artefacts import TIMEOUT, repositories, sha256
from stack.setup.lock import LOCK, Artefact, render

LEFT_OUT = {"test", "provided"}
"""Maven scopes that running a server does not need."""


def relock() -> None:
    """Resolve, download, sum up, and write the lock."""
    servers = tomllib.loads(LOCK.with_suffix(".toml").read_text(encoding="utf-8"))
    entries: list[tuple[str, Artefact]] = []
    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(PythonResolver(), Path(folder), remote_repos=repositories(), timeout=TIMEOUT)
        for server, wanted in servers.items():
            # One by one: jgo takes each for a bill of materials of the others, and log4j's parent names an old Kafka.
            chosen: dict[tuple[str, str], Any] = {}
            for text in wanted["coordinates"]:
                dependencies = [context.create_dependency(_coordinate(text))]
                if wanted.get("dependencies"):
                    direct, more = context.resolver.resolve(dependencies)
                    dependencies = direct + [dependency for dependency in more if dependency.scope not in LEFT_OUT]
                for dependency in dependencies:
                    chosen.setdefault((dependency.groupId, dependency.artifactId), dependency)
            for dependency in chosen.values():
                file = dependency.artifact.resolve()
                component = dependency.artifact.component
                artefact = Artefact(
                    component.groupId,
                    component.artifactId,
                    dependency.artifact.packaging,
                    component.version,
                    sha256(file),
                    file.stat().st_size,
                    dependency.artifact.classifier,
                )
                entries.append((server, artefact))
                Console().print(f"{server}: {artefact.coordinate}")
    order = list(servers)
    entries.sort(key=lambda entry: (order.index(entry[0]), entry[1].coordinate))
    LOCK.write_text(render(entries), encoding="utf-8")


def _coordinate(text: str) -> Coordinate:
    # Not Coordinate.parse: it takes the packaging `tar.gz` for a classifier.
    group, artefact, packaging, *classifier, version = text.split(":")
    return Coordinate(group, artefact, version, classifier="".join(classifier) or None, packaging=packaging)


if __name__ == "__main__":
    relock()
