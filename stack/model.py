"""What the stack is made of: servers that keep running, and steps that are done once between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def nothing() -> None:
    """The preparation, or the question, of a server that needs none."""


@dataclass(frozen=True)
class Server:
    """A process that the supervisor keeps alive.

    `ready` raises, with a word on why, until the server answers; one that nobody can ask says so in its log, in words
    that match `ready_words`. `prepare` runs before the start: it renders
    configuration and makes data folders. `alias` is the name that a person may use for it and its siblings.
    `last` starts when all others that start with it are ready.
    `data_limit` (MiB) bounds what each of its processes may allocate; JVMs are bounded by their own options.
    """

    name: str
    command: tuple[str, ...]
    ready: Callable[[], None] = nothing
    needs: tuple[str, ...] = ()
    ready_words: str = ""
    prepare: Callable[[], None] = nothing
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    address: str = ""
    alias: str = ""
    data_limit: int | None = None
    stop_signal: str = "TERM"
    stop_seconds: int = 20
    trades: bool = False
    last: bool = False

    @property
    def argv(self) -> list[str]:
        """The command with its memory limit."""
        if self.data_limit is None:
            return list(self.command)
        return ["prlimit", f"--data={self.data_limit * 2**20}", "--", *self.command]


@dataclass(frozen=True)
class Step:
    """Something idempotent that must be done before others can start."""

    name: str
    run: Callable[[], None]
    needs: tuple[str, ...] = ()
    alias: str = ""


Node = Server | Step


class NotReadyError(RuntimeError):
    """A server answers, but not yet as it should."""


class UnknownNameError(ValueError):
    """There is no server or step of that name."""


def select(nodes: Mapping[str, Node], names: list[str]) -> list[Node]:
    """The named nodes (a name or an alias) and all that they need, in an order that respects needs; all without names.

    UnknownNameError lists what there is.
    """
    wanted: list[Node] = []

    def add(node: Node) -> None:
        if node not in wanted:
            for need in node.needs:
                for one in named(nodes, need):
                    add(one)
            wanted.append(node)

    for name in names or nodes:
        for node in named(nodes, name):
            add(node)
    return wanted


def named(nodes: Mapping[str, Node], name: str) -> list[Node]:
    """The nodes that a name or an alias stands for."""
    found = [node for node in nodes.values() if name in (node.name, node.alias)]
    if not found:
        known = sorted({node.alias or node.name for node in nodes.values()})
        raise UnknownNameError(f"there is no {name!r}; there are: {', '.join(known)}")
    return found
