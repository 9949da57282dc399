"""`tickhouse watch` without a screen: a line for each trade, change of status and alert, as it comes."""

from __future__ import annotations

from collections.abc import Callable

from stack.watch.feed import Feed
from stack.watch.words import line

POLL_SECONDS = 0.1


def follow(feed: Feed, symbol: str, say: Callable[[str], None], *, complain: Callable[[str], None]) -> None:
    """Begin with the present status, then say what happens, for ever. What keeps the feed from it is complained of."""
    for _ in feed.watch(symbol, tell=True):
        pass
    if feed.state.status is not None:
        say(line(feed.state.status))
    trouble: str | None = None
    while True:
        feed.poll(POLL_SECONDS)
        told = feed.state.told
        if told:
            for item in told:
                say(line(item))
            told.clear()
        if feed.trouble != trouble:
            trouble = feed.trouble
            complain(trouble or "Kafka answers again")
