"""Every server and step of the stack, and what each needs."""

from __future__ import annotations

from stack.model import Node, Server
from stack.servers import kafka, postgres
from stack.settings import StackSettings


def services(settings: StackSettings) -> dict[str, Node]:
    """The nodes by name."""
    nodes: list[Node] = [postgres.server(settings), kafka.server(settings)]
    return {node.name: node for node in nodes}


def servers(settings: StackSettings) -> list[Server]:
    """The servers alone."""
    return [node for node in services(settings).values() if isinstance(node, Server)]
