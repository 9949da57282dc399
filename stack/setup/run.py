"""`tickhouse setup`: does what is missing, shows it, and does nothing the second time."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

from lakehouse.files import file_jars
from stack.setup import artefacts, compiling, environments, jdk, trino
from stack.setup.cache import writing
from stack.setup.lock import locked
from streaming.contracts.settings import Settings


def needed(settings: Settings) -> bool:
    """Whether anything is missing."""
    return bool(
        artefacts.missing(locked() + file_jars(settings), settings)
        or not all(environments.complete(settings, group) for group in environments.GROUPS)
        or any(not link.is_symlink() or link.readlink() != to for link, to in environments.flink_jars(settings))
        or not trino.trino_home(settings).exists()
        or not _has_spark_jdk(settings)
    )


def setup(settings: Settings, console: Console) -> None:
    """Install what is missing. An interrupted set-up is gone on with; two at once take turns.

    MissingJdkError, DamagedError, InstallError or a network error say what could not be had.
    """
    if not needed(settings) and not compiling.needed():
        console.print(f"Everything is installed in {settings.cache}.")
        return
    with writing(settings, lambda: console.print("Waiting for another set-up to finish …")):
        artefacts.sweep(settings)
        with _progress(console) as progress:
            for group in environments.GROUPS:
                if not environments.complete(settings, group):
                    task = progress.add_task(f"Python environment: {group}", total=None)
                    environments.install(settings, group)
                    progress.update(task, total=1, completed=1)
            if missing := artefacts.missing(locked() + file_jars(settings), settings):
                total = sum(artefact.size for artefact in missing)
                task = progress.add_task(f"JVM artefacts: {len(missing)}", total=total)
                artefacts.download(missing, settings, lambda size: progress.advance(task, size))
            environments.link_flink_jars(settings)
            if not trino.trino_home(settings).exists():
                task = progress.add_task("Trino, assembled", total=None)
                trino.assemble(settings)
                progress.update(task, total=1, completed=1)
            if not _has_spark_jdk(settings):
                task = progress.add_task("JDK for Spark", total=None)
                jdk.ensure_spark_jdk(settings)
                progress.update(task, total=1, completed=1)
            if compiling.needed():
                task = progress.add_task("Matching engine, compiled", total=None)
                compiling.compile_market()
                progress.update(task, total=1, completed=1)
    console.print(f"Installed in {settings.cache}.")
    if reason := compiling.failure():
        console.print(f"The matching engine runs as it is, at a third of the speed: {reason}")


def _has_spark_jdk(settings: Settings) -> bool:
    try:
        jdk.jdk_home(settings, "spark")
    except jdk.MissingJdkError:
        return False
    return True


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description:<32}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, TimeElapsedColumn(), console=console)
