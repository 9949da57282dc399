"""Starts one server and waits until it answers, or says why it does not."""

from __future__ import annotations

import re
import shutil
import threading
import time
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault

from stack.model import Server
from stack.processes import listener
from stack.settings import StackSettings
from stack.supervisord import Supervisor, log_file

POLL = 0.3
"""Seconds between two looks."""
DEATHS = 2
"""Times that a server may die while it starts: once is bad luck, such as what a killed one left not yet gone."""
LOG_LINES, LOG_BYTES = 8, 64_000
UP = ("RUNNING", "STARTING")


class StartError(RuntimeError):
    """Something did not start. `log` is where it wrote, if it got as far."""

    def __init__(self, name: str, reason: str, log: Path | None = None) -> None:
        super().__init__(f"{name}: {reason}")
        self.name, self.reason, self.log = name, reason, log


class StoppedError(Exception):
    """The start was given up because of another's failure or because the user asked."""


def is_up(server: Server, states: dict[str, dict[str, Any]]) -> bool:
    """Whether supervisord has it running, or starting."""
    return server.name in states and states[server.name]["statename"] in UP


def check_ports(server: Server) -> None:
    """StartError if somebody else has one of its ports."""
    for port in server.ports:
        if who := listener(port):
            raise StartError(
                server.name, f"port {port} is taken by {who}; set TICKHOUSE_PORT_OFFSET to move every port"
            )


def check_disk(settings: StackSettings) -> None:
    """StartError if the home's disk is nearly full."""
    settings.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.home).free // 2**20
    if free < settings.least_disk:
        allowed = f"at least {settings.least_disk} MiB are asked for (TICKHOUSE_LEAST_DISK)"
        raise StartError("disk", f"{settings.home} has {free} MiB free; {allowed}")


def start(server: Server, settings: StackSettings, stop: threading.Event) -> None:
    """Prepare, start and wait; nothing is left running by a failure that is raised as StartError."""
    supervisor = Supervisor(settings)
    if not is_up(server, supervisor.states()):
        check_ports(server)
        try:
            server.prepare()
        except (OSError, RuntimeError) as error:
            raise StartError(server.name, str(error)) from error
        begin = _size(log_file(settings, server.name))
        supervisor.startProcess(server.name, False)
    else:
        begin = None
    _wait(server, settings, supervisor, stop, begin)


def _wait(
    server: Server, settings: StackSettings, supervisor: Supervisor, stop: threading.Event, begin: int | None
) -> None:
    deadline = time.monotonic() + settings.start_timeout
    pids: set[int] = set()
    last = "it did not answer"
    while not stop.is_set():
        state = supervisor.states().get(server.name)
        if state is None:
            raise StartError(server.name, "supervisord does not know it any more", log_file(settings, server.name))
        if state["pid"]:
            pids.add(state["pid"])
        if state["statename"] in ("FATAL", "EXITED", "UNKNOWN") or len(pids) > DEATHS:
            raise _died(server, settings, state, begin)
        try:
            server.ready()
        except Exception as error:
            words = str(error).strip().splitlines() or [""]
            last = f"it did not answer ({type(error).__name__}: {words[0]})"
        else:
            if state["statename"] != "RUNNING":
                last = "it did not stay up"
            elif not (begin is None or re.search(server.ready_words, _written(server, settings, begin))):
                last = "it did not say that it is ready"
            else:
                return
        if time.monotonic() > deadline:
            reason = f"not ready after {settings.start_timeout} s: {last}"
            raise StartError(server.name, reason, log_file(settings, server.name))
        stop.wait(POLL)
    raise StoppedError(server.name)


def _died(server: Server, settings: StackSettings, state: dict[str, Any], begin: int | None) -> StartError:
    log = log_file(settings, server.name)
    text = _written(server, settings, begin or 0)
    if "No space left on device" in text or "Disk quota exceeded" in text:
        reason = "the disk is full"
    else:
        reason = f"it died while starting ({state['spawnerr'] or state['description'] or 'no word'})"
    lines = [line for line in text.splitlines() if line.strip()][-LOG_LINES:]
    return StartError(server.name, "\n  ".join([reason, *lines]), log)


def _written(server: Server, settings: StackSettings, begin: int) -> str:
    """What is in the log behind `begin`, its end if that is long; the whole log where it was rotated since."""
    log = log_file(settings, server.name)
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(begin if begin <= _size(log) else 0)
        return file.read()[-LOG_BYTES:].decode(errors="replace")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def stop_server(name: str, settings: StackSettings) -> None:
    """Stop a program of supervisord's, if it is not stopped already."""
    try:
        Supervisor(settings).stopProcess(name, True)
    except Fault:
        return  # not running
