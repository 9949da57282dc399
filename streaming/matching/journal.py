"""A market in the engine's state store: a snapshot, and the messages since (docs/adr/0005).

The store keeps bytes under keys, one space of keys a symbol. The log lies in slots: each commit adds one with all the
messages since the last, so that a commit costs two changed keys a symbol, however many messages it holds, and nothing
is written twice. The header says what is valid: how many messages the market has taken in, how many of them the
snapshot covers, and how many parts and slots there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

HEADER, SNAPSHOT, LOG = b"/position", b"/snapshot", b"/log"
PART_BYTES = 500_000
"""Largest value: the store's changelog is a Kafka topic, whose messages end at 1 MB."""
LOG_BYTES = 2_000_000
"""Size that a log has to reach before a snapshot takes its place: what a rebuild of a small market replays at most."""
LOG_SNAPSHOTS = 2
"""How many times the size of its snapshot the log of a large market has to reach."""
MESSAGE_BYTES = 100
"""What a message in the log counts beside its own bytes: it takes time to replay however small it is."""


class Store(Protocol):
    """The part of `quixstreams.State` that is used."""

    def get_bytes(self, key: bytes) -> bytes | None:
        """The value under a key, or None."""

    def set_bytes(self, key: bytes, value: bytes) -> None:
        """Put a value under a key."""


class Journal:
    """The journal of one symbol, and the messages that are still to be written."""

    __slots__ = ("_covered", "_limit", "_parts", "_size", "_slots", "_waiting", "position")

    def __init__(self) -> None:
        self.position = 0
        self._covered = self._parts = self._slots = 0
        self._size, self._limit = 0, LOG_BYTES
        self._waiting: list[bytes] = []

    def note(self, message: bytes) -> None:
        """Remember a message that the market has taken in."""
        self._waiting.append(message)
        self.position += 1
        self._size += MESSAGE_BYTES + len(message)

    def agrees(self, store: Store) -> bool:
        """Whether `store` holds this journal and nothing else: then the market beside it is the committed one."""
        return not self._waiting and store.get_bytes(HEADER) == (self._header() if self.position else None)

    def write(self, store: Store, dump: Callable[[], bytes]) -> None:
        """Write what is waiting; `dump` tells the market's state, if its turn has come."""
        if self._size > self._limit or max(map(len, self._waiting), default=0) > PART_BYTES:
            self._save(store, dump())
        else:
            for slot in _slots(self._waiting):
                store.set_bytes(LOG + b"/%d" % self._slots, slot)
                self._slots += 1
        self._waiting = []
        store.set_bytes(HEADER, self._header())

    def _save(self, store: Store, snapshot: bytes) -> None:
        """Replace the snapshot, and so forget the messages up to it."""
        starts = range(0, len(snapshot), PART_BYTES)
        for number, start in enumerate(starts):
            store.set_bytes(SNAPSHOT + b"/%d" % number, framed(snapshot[start : start + PART_BYTES]))
        self._covered, self._parts, self._slots = self.position, len(starts), 0
        self._size, self._limit = 0, max(LOG_BYTES, LOG_SNAPSHOTS * len(snapshot))

    def _header(self) -> bytes:
        return b"%d %d %d %d" % (self.position, self._covered, self._parts, self._slots)

    @classmethod
    def read(cls, store: Store) -> tuple[Journal, bytes, list[bytes]]:
        """The journal in `store`, its snapshot (empty where there is none yet), and the messages since."""
        journal = cls()
        header = store.get_bytes(HEADER)
        if header is None:
            return journal, b"", []
        numbers = list(map(int, header.split()))
        if len(numbers) != 4:
            raise ValueError("the engine's state was written by an older version: clear it, and the topics with it")
        journal.position, journal._covered, journal._parts, journal._slots = numbers
        parts = [list(_unframed(_must(store, SNAPSHOT + b"/%d" % number))) for number in range(journal._parts)]
        slots = [list(_unframed(_must(store, LOG + b"/%d" % number))) for number in range(journal._slots)]
        snapshot = b"".join(part for (part,) in parts)
        messages = [message for slot in slots for message in slot]
        assert len(messages) == journal.position - journal._covered
        journal._size = sum(MESSAGE_BYTES + len(message) for message in messages)
        journal._limit = max(LOG_BYTES, LOG_SNAPSHOTS * len(snapshot))
        return journal, snapshot, messages


def framed(value: bytes) -> bytes:
    """A value as it lies in the store: behind its length, in digits.

    Not in binary: Quix Streams takes a value that begins with a small 64-bit number for one that can expire, and then
    refuses to read it.
    """
    return b"%d:%b" % (len(value), value)


def _slots(messages: list[bytes]) -> Iterator[bytes]:
    """The messages framed, in as few values as hold them."""
    together: list[bytes] = []
    size = 0
    for message in map(framed, messages):
        if together and size + len(message) > PART_BYTES:
            yield b"".join(together)
            together, size = [], 0
        together.append(message)
        size += len(message)
    if together:
        yield b"".join(together)


def _unframed(values: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(values):
        colon = values.index(b":", start)
        end = colon + 1 + int(values[start:colon])
        yield values[colon + 1 : end]
        start = end


def _must(store: Store, key: bytes) -> bytes:
    value = store.get_bytes(key)
    assert value is not None, f"the engine's state lacks {key.decode()}"
    return value
