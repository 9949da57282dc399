"""Assembles Trino from its core and the Iceberg connector."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

from stack.setup.cache import short_hash
from stack.setup.lock import Artefact, locked
from streaming.contracts.settings import Settings


def trino_home(settings: Settings) -> Path:
    """The folder of the assembled server: another one when its artefacts change. It appears there at once, whole."""
    return settings.cache / f"trino-{short_hash(*(a.sha256.encode() for a in locked('trino')))}"


def assemble(settings: Settings) -> None:
    """Unpack the core without its bundled plugins, and the connector; needs both artefacts in the cache."""
    core, connector = _by_name("trino-server-core"), _by_name("trino-iceberg")
    with tempfile.TemporaryDirectory(dir=settings.cache, prefix=".download-") as name:
        folder = Path(name)
        with tarfile.open(core.path(settings)) as archive:
            archive.extractall(folder, filter=_without_plugins)  # noqa: S202  the sum is the locked one
        with zipfile.ZipFile(connector.path(settings)) as zipped:
            zipped.extractall(folder / "plugin")  # noqa: S202
        server = folder / f"{core.artefact}-{core.version}"
        (server / "plugin").mkdir(exist_ok=True)
        (folder / "plugin" / f"{connector.artefact}-{connector.version}").rename(server / "plugin" / "iceberg")
        shutil.rmtree(trino_home(settings), ignore_errors=True)
        server.rename(trino_home(settings))


def _without_plugins(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
    parts = Path(member.name).parts
    return None if len(parts) > 1 and parts[1] == "plugin" else tarfile.data_filter(member, path)


def _by_name(name: str) -> Artefact:
    return next(artefact for artefact in locked("trino") if artefact.artefact == name)
