"""Downloads what the lock names. A file that is in the cache is whole and has the right sum."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver
from tenacity import retry, retry_if_not_exception_type, stop_after_attempt, wait_exponential

from stack.setup.lock import Artefact
from streaming.contracts.settings import Settings

Progress = Callable[[int], None]
"""Told how many bytes more have come."""

CONCURRENT_DOWNLOADS = 4
TIMEOUT = 60
"""Seconds without a byte before a download is tried again."""


class DamagedError(RuntimeError):
    """A file's sum is not the locked one."""


def missing(artefacts: list[Artefact], settings: Settings) -> list[Artefact]:
    """Those that are not in the cache, judged by size: `damaged` reads every byte."""
    return [a for a in artefacts if not (path := a.path(settings)).exists() or path.stat().st_size != a.size]


def damaged(artefacts: list[Artefact], settings: Settings) -> list[Artefact]:
    """Those whose file is there but is not what was locked."""
    present = [a for a in artefacts if a.path(settings).exists()]
    return [a for a in present if sha256(a.path(settings)) != a.sha256]


def download(artefacts: list[Artefact], settings: Settings, progress: Progress = lambda _: None) -> None:
    """Fetch into the cache. Each file appears there at once, under its name, when its sum is right.

    DamagedError where a registry gives other bytes than were locked; after three tries, whatever the network raised.
    """
    with ThreadPoolExecutor(CONCURRENT_DOWNLOADS) as pool:
        for done in [pool.submit(_download, artefact, settings, progress) for artefact in artefacts]:
            done.result()


@retry(
    stop=stop_after_attempt(3),
    wait=wait_exponential(max=10),
    retry=retry_if_not_exception_type(DamagedError),
    reraise=True,
)
def _download(artefact: Artefact, settings: Settings, progress: Progress) -> None:
    target = artefact.path(settings)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.cache, prefix=".download-") as folder:
        context = MavenContext(
            resolver=PythonResolver(progress_callback=_told(progress)),
            repo_cache=Path(folder),
            remote_repos=repositories(),
            timeout=TIMEOUT,
        )
        project = context.project(artefact.group, artefact.artefact)
        file = project.at_version(artefact.version).artifact(artefact.classifier, artefact.packaging).resolve()
        if (found := sha256(file)) != artefact.sha256:
            raise DamagedError(f"{artefact.coordinate}: sha256 is {found}, locked is {artefact.sha256}")
        file.replace(target)


def repositories() -> dict[str, str] | None:
    """The Maven repository of `TICKHOUSE_MAVEN_REPOSITORY`; None stands for Maven Central."""
    url = os.environ.get("TICKHOUSE_MAVEN_REPOSITORY")
    return {"mirror": url.rstrip("/")} if url else None


def _told(progress: Progress) -> Callable[[str, int], AbstractContextManager[Progress]]:
    @contextmanager
    def told(name: str, total: int) -> Iterator[Progress]:
        yield progress

    return told


def sha256(path: Path) -> str:
    """The sum of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sweep(settings: Settings) -> None:
    """Remove what interrupted downloads left; call it while holding the cache's lock."""
    for left in settings.cache.glob(".download-*"):
        shutil.rmtree(left, ignore_errors=True)
