"""Which processes belong to a stack: those that carry its mark in their environment, and their descendants.

A mark is inherited, so that nothing can hide from `down` by starting a session of its own or by losing its parent.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from streaming.contracts.settings import Settings

MARK = "TICKHOUSE_STACK"
"""Environment variable that names the home of the stack that a process belongs to."""


def mark(settings: Settings) -> str:
    """The value of the mark of this stack's processes."""
    return str(settings.home.resolve())


def of_stack(settings: Settings) -> list[psutil.Process]:
    """Every living process of the stack but this one."""
    ours = {process.pid: process for process in psutil.process_iter() if _marked(process, mark(settings))}
    for process in list(ours.values()):
        with suppress(psutil.Error):
            ours.update({child.pid: child for child in process.children(recursive=True)})
    ours.pop(os.getpid(), None)
    return [process for process in ours.values() if _alive(process)]


def _marked(process: psutil.Process, value: str) -> bool:
    try:
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
    except OSError:  # another user's, or gone
        return False
    return f"{MARK}={value}".encode() in environment.split(b"\0")


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def tree(pid: int) -> Iterator[psutil.Process]:
    """A process and its descendants, those that are still there."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        yield process
        yield from process.children(recursive=True)


def resident(pid: int) -> int:
    """Bytes of memory that a process and its descendants hold, pages that they share counted once.

    A process's proportional share (PSS) where the kernel tells it, else its resident set less what is shared.
    """
    return sum(_resident(process) for process in tree(pid))


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.AccessDenied, AttributeError):
        memory = process.memory_info()
        return int(memory.rss - memory.shared)
    except psutil.Error:
        return 0


def alone(pid: int) -> tuple[int, int]:
    """Memory (bytes) and age (seconds) of one process, without its descendants."""
    process = psutil.Process(pid)
    return _resident(process), int(time.time() - process.create_time())


def end(processes: list[psutil.Process], patience: float) -> None:
    """Ask processes to go, and after `patience` seconds make them."""
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(signal.SIGTERM)
    _, left = psutil.wait_procs(processes, timeout=patience)
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=5)


def listener(port: int) -> str | None:
    """Who listens on a loopback port, in words; None if it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return _who(port)
    return None


def _who(port: int) -> str:
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "another process"
