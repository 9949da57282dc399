"""A file of commands through the pure exchange: one JSON object a line in, one a line out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import BinaryIO

from msgspec import Struct

from streaming.contracts.codec import UNREADABLE, decode_command, encode_line
from streaming.contracts.events import DeadLetter
from streaming.matching.exchange import Exchange


class Counts(Struct):
    """What a replay did."""

    lines: int = 0
    commands: int = 0
    events: int = 0
    malformed: int = 0


def replay(
    name: str, lines: Iterable[bytes], events: BinaryIO, exchange: Exchange, on_bad: Callable[[DeadLetter], None]
) -> Counts:
    """Carry out every command in `lines`, in order, and write what happened to `events`.

    A line that is no command is given to `on_bad`, as a dead letter of the "topic" `name` with its line number as the
    offset, and the replay goes on. Blank lines are passed over. OSError where reading or writing fails.
    """
    counts, now = Counts(), 0
    apply, write = exchange.apply, events.write
    for number, line in enumerate(lines, 1):
        counts.lines = number
        try:
            command = decode_command(line)
        except UNREADABLE as error:
            if not line.strip():
                continue
            counts.malformed += 1
            payload = line.rstrip(b"\r\n")
            on_bad(
                DeadLetter(
                    topic=name,
                    partition=0,
                    offset=number,
                    reason="malformed_item",
                    detail=str(error),
                    payload=payload,
                    event_time=now,
                )
            )
            continue
        now = command.event_time
        counts.commands += 1
        for event in apply(command):
            counts.events += 1
            write(encode_line(event))
    return counts
