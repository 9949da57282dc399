"""Up, down and status of a stack."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from stack import processes
from stack.model import Node, Server, named, select
from stack.services import services
from stack.settings import StackSettings
from stack.setup.run import needed
from stack.starting import StartError, StoppedError, check_disk, check_ports, is_up, start, stop_server
from stack.supervisord import NOT_THERE, Supervisor, run_folder

AT_ONCE = 4
"""Starts at the same time: more only wait for each other on two cores."""
Told = Callable[[str, str, float], None]
"""Called with a node's name, `start` or `ready`, and the seconds that it took."""


def up(
    settings: StackSettings,
    names: list[str] | None = None,
    traders: bool = True,
    told: Told = lambda name, what, seconds: None,
) -> None:
    """Start the named servers (all of them by default) and what they need; what runs already is left alone.

    Returns when all are ready. StartError says what failed, after what this call started was stopped.
    """
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(settings):
        nodes = services(settings)
        chosen = select(nodes, names or [])
        if not traders:
            chosen = [node for node in chosen if not (isinstance(node, Server) and node.trades)]
        if needed(settings):
            raise StartError("stack", "something is not installed: run `tickhouse setup`; `tickhouse doctor` says what")
        check_disk(settings)
        supervisor = Supervisor(settings)
        if not supervisor.running():
            _end_orphans(settings)
        states = supervisor.states()
        fresh = [node for node in chosen if isinstance(node, Server) and not is_up(node, states)]
        for server in fresh:
            check_ports(server)
        supervisor.ensure([node for node in nodes.values() if isinstance(node, Server)])
        try:
            _start_all(settings, chosen, told)
        except BaseException:
            if any(state["pid"] for state in states.values()):
                _stop(settings, fresh)
            else:
                _down(settings)
            raise


def _start_all(settings: StackSettings, chosen: list[Node], told: Told) -> None:
    halt = threading.Event()
    waiting = {node.name: node for node in chosen}
    aliases = {node.name: node.alias for node in chosen}
    futures: dict[Future[None], str] = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="up") as pool:
        try:
            while waiting or futures:
                busy = {*waiting, *futures.values()}
                busy |= {aliases[name] for name in busy}
                rest = any(not (isinstance(node, Server) and node.last) for node in chosen if node.name in busy)
                for node in [node for node in waiting.values() if not busy & set(node.needs)]:
                    if rest and isinstance(node, Server) and node.last:
                        continue
                    del waiting[node.name]
                    futures[pool.submit(_start_one, node, settings, halt, told)] = node.name
                done, _ = wait(futures, return_when=FIRST_COMPLETED)
                for future in done:
                    del futures[future]
                    future.result()
        except BaseException:
            halt.set()
            pool.shutdown(cancel_futures=True)
            raise


def _start_one(node: Node, settings: StackSettings, halt: threading.Event, told: Told) -> None:
    began = time.monotonic()
    told(node.name, "start", 0.0)
    if isinstance(node, Server):
        start(node, settings, halt)
    elif halt.is_set():
        raise StoppedError(node.name)
    else:
        try:
            node.run()
        except Exception as error:
            raise StartError(node.name, f"{type(error).__name__}: {error}") from error
    told(node.name, "ready", time.monotonic() - began)


def down(settings: StackSettings, names: list[str] | None = None) -> None:
    """Stop the named servers and what needs them, or everything; nothing is left behind."""
    if not settings.home.exists():
        return
    with _alone(settings):
        if names:
            nodes = services(settings)
            going = {node.name for name in names for node in named(nodes, name)}
            while more := {
                node.name
                for node in nodes.values()
                if node.name not in going and any(need in going or _alias_in(nodes, need, going) for need in node.needs)
            }:
                going |= more
            _stop(settings, [node for node in nodes.values() if node.name in going and isinstance(node, Server)])
        else:
            _down(settings)


def _alias_in(nodes: dict[str, Node], need: str, going: set[str]) -> bool:
    return any(node.alias == need and node.name in going for node in nodes.values())


def _stop(settings: StackSettings, servers: list[Server]) -> None:
    """Stop servers, those that need others first."""
    level = {server.name: 0 for server in servers}
    for server in servers:  # in an order that respects needs
        for need in server.needs:
            if need in level:
                level[server.name] = max(level[server.name], level[need] + 1)
    states = Supervisor(settings).states()
    with ThreadPoolExecutor(max(1, len(servers))) as pool:
        for height in sorted(set(level.values()), reverse=True):
            batch = [name for name, at in level.items() if at == height and name in states]
            list(pool.map(lambda name: stop_server(name, settings), batch))


def _down(settings: StackSettings) -> None:
    supervisor = Supervisor(settings)
    if supervisor.running():
        _stop(settings, [node for node in select(services(settings), []) if isinstance(node, Server)])
        with suppress(*NOT_THERE):
            supervisor.shutdown()
        deadline = time.monotonic() + 30
        while processes.of_stack(settings) and time.monotonic() < deadline:
            time.sleep(0.1)
    _end_orphans(settings)
    for left in run_folder(settings).glob("supervisor*"):
        if left.suffix != ".conf":
            left.unlink(missing_ok=True)


def _end_orphans(settings: StackSettings) -> None:
    """End what a supervisord that was killed left running."""
    processes.end(processes.of_stack(settings), patience=15)


@contextmanager
def _alone(settings: StackSettings) -> Iterator[None]:
    with (run_folder(settings) / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartError("stack", f"another `tickhouse up` or `down` is at work in {settings.home}") from error
        yield


@dataclass(frozen=True)
class Status:
    """One line of `tickhouse status`: memory in bytes, uptime in seconds."""

    name: str
    state: str
    pid: int | None
    memory: int
    address: str
    uptime: int | None


def status(settings: StackSettings) -> list[Status]:
    """Every server of the stack, and supervisord itself."""
    supervisor = Supervisor(settings)
    states = supervisor.states()
    lines = []
    for node in services(settings).values():
        if not isinstance(node, Server):
            continue
        info = states.get(node.name)
        pid = info["pid"] if info and info["pid"] else None
        state = info["statename"].lower() if info else "stopped"
        uptime = info["now"] - info["start"] if info and pid else None
        lines.append(Status(node.name, state, pid, processes.resident(pid) if pid else 0, node.address, uptime))
    if states:
        pid = supervisor.getPID()
        own = processes.alone(pid)
        lines.append(Status("supervisord", "running", pid, own[0], "", own[1]))
    return lines
