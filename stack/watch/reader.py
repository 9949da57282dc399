"""The feed in a thread of its own, so that the screen answers keys while Kafka is read."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Protocol

from confluent_kafka import KafkaException

from stack.watch.feed import Feed, Rates, WatchError
from stack.watch.state import View

POLL_SECONDS = 0.05


class Source(Protocol):
    """Where the screen's numbers come from."""

    symbols: list[str]

    def watch(self, symbol: str) -> None:
        """Follow another symbol; WatchError where there is none of that name."""

    def view(self, depth: int) -> View:
        """What there is to show, with at most `depth` prices of each side."""

    def rates(self) -> Rates:
        """How much comes, of all symbols."""

    @property
    def trouble(self) -> str | None:
        """What keeps the source from telling anything new."""

    @property
    def failure(self) -> BaseException | None:
        """What ended the source."""


class Reader(threading.Thread):
    """A `Source`: reads until `stop`."""

    def __init__(self, feed: Feed, symbol: str) -> None:
        super().__init__(name="watch-reader", daemon=True)
        self.symbols = feed.symbols
        self.failure: BaseException | None = None
        self._feed = feed
        self._wanted = symbol
        self._depth = 50
        self._over = threading.Event()
        self._view = View(symbol, problem="Reading what Kafka holds …")
        self._rates = Rates(0.0, 0.0)

    @property
    def trouble(self) -> str | None:
        """What keeps Kafka from telling anything new."""
        return self._feed.trouble

    def watch(self, symbol: str) -> None:
        """Follow another symbol; WatchError where there is none of that name."""
        self._wanted = self._feed.check(symbol)

    def view(self, depth: int) -> View:
        """What there is to show; a moment old at most."""
        self._depth = depth
        view, wanted = self._view, self._wanted
        return view if view.symbol == wanted else View(wanted, problem="Reading what Kafka holds …")

    def rates(self) -> Rates:
        """How much comes, of all symbols."""
        return self._rates

    def stop(self) -> None:
        """End the thread, and wait for it."""
        self._over.set()
        self.join(10)

    def run(self) -> None:
        """Read."""
        try:
            while not self._over.is_set():
                self._begin(self._wanted)
                while not self._over.is_set() and self._feed.state.symbol == self._wanted:
                    self._feed.poll(POLL_SECONDS)
                    self._publish()
        except (KafkaException, WatchError) as error:
            self.failure = error
        except BaseException as error:
            self.failure = error
            raise

    def _begin(self, symbol: str) -> None:
        for _ in self._feed.watch(symbol):
            self._publish_trouble(symbol)
            if self._over.is_set() or self._wanted != symbol:
                return
        self._publish()

    def _publish(self) -> None:
        self._view, self._rates = self._feed.view(self._depth), self._feed.rates()

    def _publish_trouble(self, symbol: str) -> None:
        if self._view.symbol != symbol:
            self._view = replace(View(symbol), problem="Reading what Kafka holds …")
