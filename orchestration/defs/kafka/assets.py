"""Every topic of the contracts, behind who writes it."""

from __future__ import annotations

import inspect
from typing import get_args

from orchestration.defs import simulators
from orchestration.external import MARKET, Key, external
from streaming.contracts.topics import TOPICS, Topic

WRITERS: dict[str, tuple[Key, ...]] = {
    "simulators": simulators.ALL,
    "matching": (("matching", "engine"),),
    "settlement": (("postgres", "outbox"),),
    "flink": (("flink", "analytics"), ("flink", "surveillance")),
    "every consumer": (("matching", "engine"),),
}
"""The assets behind each `writer` of the contracts."""


def key(topic: Topic) -> Key:
    """The asset of a topic."""
    return ("kafka", topic.name.replace("-", "_"))


def describe(topic: Topic) -> str:
    """What is on it, in the contract's own words."""
    items = get_args(topic.item) or (topic.item,)
    lines = [(inspect.getdoc(item) or "").split("\n", 1)[0] for item in items]
    return f"Topic `{topic.name}`, key {topic.key}.\n\n" + "\n".join(
        f"- {item.__name__}: {line}" for item, line in zip(items, lines, strict=True)
    )


TOPIC_SPECS = [
    external(key(topic), describe(topic), ("kafka",), deps=WRITERS[topic.writer], owners=MARKET) for topic in TOPICS
]
