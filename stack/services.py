"""Every server and step of the stack, and what each needs."""

from __future__ import annotations

from collections.abc import Callable

from lakehouse.tables import create_tables
from stack.model import Node, Server, Step
from stack.servers import dagster, flink, kafka, platform, postgres, superset, trino
from stack.settings import StackSettings
from streaming.contracts.provision import create_topics
from streaming.settlement.migrate import migrate


def services(settings: StackSettings) -> dict[str, Node]:
    """The nodes by name. A server whose address is given in the settings is asked, not started."""
    # In the order of starting, where needs leave a choice: Superset's database takes longest.
    nodes: list[Node] = [
        *_or_given(settings.postgres_url, "postgres", postgres.ready, settings, lambda: [postgres.server(settings)]),
        *_or_given(settings.kafka_bootstrap, "kafka", kafka.ready, settings, lambda: [kafka.server(settings)]),
        Step("migrate", lambda: migrate(settings), needs=("postgres",)),
        *_or_given(settings.superset_url, "superset", superset.ready, settings, lambda: superset.nodes(settings)),
        *_or_given(settings.flink_url, "flink", flink.ready, settings, lambda: flink.servers(settings)),
        Step("topics", lambda: create_topics(settings), needs=("kafka",)),
        Step("tables", lambda: create_tables(settings), needs=("migrate",)),
        *_or_given(settings.trino_url, "trino", trino.ready, settings, lambda: [trino.server(settings)]),
        *platform.servers(settings),
        *_or_given(settings.dagster_url, "dagster", dagster.web_ready, settings, lambda: dagster.servers(settings)),
    ]
    return {node.name: node for node in nodes}


def _or_given(
    address: str | None,
    name: str,
    ready: Callable[[StackSettings], None],
    settings: StackSettings,
    ours: Callable[[], list[Node] | list[Server]],
) -> list[Node]:
    return [Step(name, lambda: ready(settings))] if address else list(ours())
