"""A market in the engine's state store: a snapshot, and the messages since (docs/adr/0005).

The store keeps bytes under keys, one space of keys a symbol. The number of messages so far says which slots of the
log are valid: those after the snapshot's, counted from its own.
"""

from __future__ import annotations

from typing import Protocol

POSITION, SNAPSHOT, LOG = b"/position", b"/snapshot", b"/log"
PART_BYTES = 500_000
"""Largest value: the store's changelog is a Kafka topic, whose messages end at 1 MB."""


class Store(Protocol):
    """The part of `quixstreams.State` that is used."""

    def get_bytes(self, key: bytes) -> bytes | None:
        """The value under a key, or None."""

    def set_bytes(self, key: bytes, value: bytes) -> None:
        """Put a value under a key."""


class Journal:
    """The journal of one symbol in `store`."""

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    def position(self) -> int:
        """How many messages the market has taken in, the snapshot's included; 0 before the first."""
        return _number(self._store.get_bytes(POSITION))

    def append(self, position: int, slot: int, message: bytes) -> None:
        """Note the message that led to `position`; `slot` counts from 0 after each snapshot."""
        assert len(message) <= PART_BYTES
        self._store.set_bytes(LOG + b"/%d" % slot, message)
        self._store.set_bytes(POSITION, b"%d" % position)

    def save(self, position: int, snapshot: bytes) -> None:
        """Replace the snapshot by one at `position`, and so forget the messages up to it."""
        parts = range(0, len(snapshot), PART_BYTES)
        for number, start in enumerate(parts):
            self._store.set_bytes(SNAPSHOT + b"/%d" % number, snapshot[start : start + PART_BYTES])
        self._store.set_bytes(SNAPSHOT, b"%d %d" % (position, len(parts)))
        self._store.set_bytes(POSITION, b"%d" % position)

    def read(self) -> tuple[int, bytes | None, list[bytes]]:
        """The snapshot's position, the snapshot (None where there is none yet), and the messages since."""
        header = self._store.get_bytes(SNAPSHOT)
        start, parts = (0, 0) if header is None else map(int, header.split())
        snapshot = b"".join(self._must(SNAPSHOT + b"/%d" % number) for number in range(parts))
        log = [self._must(LOG + b"/%d" % slot) for slot in range(self.position() - start)]
        return start, snapshot if parts else None, log

    def _must(self, key: bytes) -> bytes:
        value = self._store.get_bytes(key)
        assert value is not None, f"the engine's state lacks {key.decode()}"
        return value


def _number(value: bytes | None) -> int:
    return 0 if value is None else int(value)
