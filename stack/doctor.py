"""`tickhouse doctor`: what would keep the stack from working, and what to do about it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from stack.model import Server
from stack.processes import listener
from stack.services import services
from stack.settings import StackSettings
from stack.setup import artefacts, environments, jdk, trino
from stack.setup.lock import locked
from stack.starting import is_up
from stack.supervisord import Supervisor

LEAST_MEMORY = 8 * 2**10
"""MiB that the whole stack takes."""
PROGRAMS = {"bash": "bash", "prlimit": "util-linux", "setpriv": "util-linux", "tail": "coreutils"}
"""What the stack calls, and the system package that it is in."""


@dataclass(frozen=True)
class Finding:
    """Something wrong, and what to do."""

    what: str
    advice: str


def findings(settings: StackSettings) -> list[Finding]:
    """Everything that is wrong."""
    return [*_machine(settings), *_installation(settings), *_ports(settings)]


def _machine(settings: StackSettings) -> Iterator[Finding]:
    for program, package in PROGRAMS.items():
        if not shutil.which(program):
            yield Finding(f"{program} is missing", f"Install the system package {package}.")
    running = any(info["pid"] for info in Supervisor(settings).states().values())
    free = psutil.virtual_memory().available // 2**20
    if not running and free < LEAST_MEMORY:
        advice = "Close other programs, or start only some servers: `tickhouse up postgres kafka`."
        yield Finding(f"{free} MiB of memory are free, the whole stack takes {LEAST_MEMORY}", advice)
    for folder in (settings.home, settings.cache):
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        free = shutil.disk_usage(there).free // 2**20
        if free < settings.least_disk:
            advice = f"Free some, or move it with TICKHOUSE_{'HOME' if folder == settings.home else 'CACHE'}."
            yield Finding(f"the disk of {folder} has {free} MiB free, {settings.least_disk} are asked for", advice)


def _installation(settings: StackSettings) -> Iterator[Finding]:
    again = "Run `tickhouse setup`."
    for group in environments.GROUPS:
        if not environments.complete(settings, group):
            yield Finding(f"the Python environment `{group}` is missing or was interrupted", again)
    for artefact in artefacts.missing(locked(), settings):
        yield Finding(f"the artefact {artefact.coordinate} is missing or cut short", again)
    absent = {artefact.coordinate for artefact in artefacts.missing(locked(), settings)}
    for artefact in artefacts.damaged([a for a in locked() if a.coordinate not in absent], settings):
        path = artefact.path(settings)
        yield Finding(
            f"the artefact {artefact.coordinate} is damaged: its sha256 is not the locked one",
            f"rm {path}, then `tickhouse setup`.",
        )
    if not trino.trino_home(settings).exists():
        yield Finding("Trino is not assembled", again)
    servers: tuple[jdk.Server, ...] = ("kafka", "flink", "trino", "spark")
    for server in servers:
        try:
            home = jdk.jdk_home(settings, server)
        except jdk.MissingJdkError as error:
            yield Finding(f"there is no Java for {server}", f"{error}.")
        else:
            if not (home / "bin" / "java").exists():
                yield Finding(f"there is no Java for {server} in {home}", again)


def _ports(settings: StackSettings) -> Iterator[Finding]:
    states = Supervisor(settings).states()
    for node in services(settings).values():
        if isinstance(node, Server) and not is_up(node, states):
            for port in node.ports:
                if who := listener(port):
                    advice = "Stop it, or set TICKHOUSE_PORT_OFFSET to move every port."
                    yield Finding(f"port {port} of {node.name} is taken by {who}", advice)
