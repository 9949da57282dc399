"""What `benchmarks/book.py` asks of a book."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from peers.stream import Event, Fill


class Peer(Protocol):
    """One book, empty when made.

    `translate` makes of the stream what the book's functions take, and may be called again with what comes next. It is
    not timed: `run` is. `fills` does the same work as `run` and tells its trades, in order.
    """

    def translate(self, stream: Iterable[Event]) -> list[Any]:
        """The book's own orders."""
        ...

    def run(self, work: list[Any]) -> None:
        """Give the book everything. What it answers is dropped."""
        ...

    def fills(self, work: list[Any]) -> list[Fill]:
        """Give the book everything. Prices in ticks and quantities of all trades."""
        ...
