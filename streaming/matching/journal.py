"""A market in the engine's state store: a snapshot, and the messages since (docs/adr/0005).

The store keeps bytes under keys, one space of keys a symbol. The log lies in slots of several messages each, because
every key that changed costs a message on the store's changelog at each commit. The number of messages so far says
what of the log is valid: that many, less the snapshot's, from slot 0 on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

POSITION, SNAPSHOT, LOG = b"/position", b"/snapshot", b"/log"
SLOT_BYTES = 8_000
"""Size from which a slot is full: what each commit writes again is no more."""
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

    def write(self, position: int, slot: int, messages: bytes) -> None:
        """Note what led to `position`: `slot` now holds `messages`, framed; slots count from 0 after a snapshot."""
        self._store.set_bytes(LOG + b"/%d" % slot, messages)
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
        return start, snapshot if parts else None, list(self._log(self.position() - start))

    def _log(self, count: int) -> Iterator[bytes]:
        slot = 0
        while count:
            messages = self._must(LOG + b"/%d" % slot)
            slot += 1
            while messages:
                length, _, rest = messages.partition(b":")
                end = int(length)
                yield rest[:end]
                messages = rest[end:]
                count -= 1
        assert count == 0

    def _must(self, key: bytes) -> bytes:
        value = self._store.get_bytes(key)
        assert value is not None, f"the engine's state lacks {key.decode()}"
        return value


def framed(message: bytes) -> bytes:
    """A message as it lies in a slot: behind its length, in digits.

    Not in binary: Quix Streams takes a value that begins with a small 64-bit number for one that can expire, and then
    refuses to read it.
    """
    return b"%d:%b" % (len(message), message)


def _number(value: bytes | None) -> int:
    return 0 if value is None else int(value)
