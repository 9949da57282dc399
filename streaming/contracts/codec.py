"""Messages to bytes and back.

Every Kafka value is an envelope: `{"symbol": …, "event_time": …, "items": [ … ]}` (the first field is `trader_id` on
`portfolio-updates` and `topic` on `dead-letters`). The items of an envelope lie within one minute of market time and
`event_time` is that of the last of them, so that a reader may window on the envelope's time. An envelope of `trades`
may also carry `actions`, the corporate actions that come after its items: who keeps positions needs both in one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from streaming.contracts.commands import AnyCommand, Micros
from streaming.contracts.events import CorporateAction, Trade
from streaming.contracts.topics import ORDERS, TRADES, Topic

MINUTE = 60_000_000
"""One minute in microseconds."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding bytes from anybody may raise."""

_encoder = msgspec.json.Encoder()


def encode(topic: Topic, key: str | int, items: Sequence[msgspec.Struct], event_time: int) -> bytes:
    """The message of `topic` that carries `items`; `items` may be empty to let time pass."""
    return _encoder.encode({topic.key: key, "event_time": event_time, "items": items})


def encode_actions(symbol: str, actions: Sequence[CorporateAction], event_time: int) -> bytes:
    """The message of topic `trades` that carries no trade, but corporate actions."""
    return _encoder.encode({TRADES.key: symbol, "event_time": event_time, "items": [], "actions": actions})


def encode_line(item: msgspec.Struct) -> bytes:
    """One object of the file form, newline included."""
    return _encoder.encode(item) + b"\n"


class TradesEnvelope(msgspec.Struct):
    """A message of topic `trades`: its trades, and the corporate actions that come after them."""

    symbol: str
    event_time: int
    items: list[Trade]
    actions: list[CorporateAction] = []


def decode(topic: Topic, value: bytes) -> list[Any]:
    """The items of a message that this platform wrote; msgspec.ValidationError or DecodeError where it did not."""
    envelope: Any = _decoder(topic.name, topic.key, topic.item).decode(value)
    items: list[Any] = envelope.items
    return items


@lru_cache
def _decoder(name: str, key: str, item: Any) -> msgspec.json.Decoder[Any]:
    key_type: Any = int if key == "trader_id" else str
    envelope = msgspec.defstruct(
        name.replace("-", "_"), [(key, key_type), ("event_time", Micros), ("items", list[item])], frozen=True
    )
    return msgspec.json.Decoder(envelope)


@dataclass(frozen=True)
class BadItem:
    """What could not be understood: a reason code of `DeadLetter`, the decoder's words, and the original bytes."""

    reason: str
    detail: str
    payload: bytes


class _RawEnvelope(msgspec.Struct):
    symbol: str
    items: list[msgspec.Raw]


_raw_decoder = msgspec.json.Decoder(_RawEnvelope)
_orders_decoder = _decoder(ORDERS.name, ORDERS.key, ORDERS.item)
_command_decoder: msgspec.json.Decoder[AnyCommand] = msgspec.json.Decoder(AnyCommand)


def decode_command(line: bytes) -> AnyCommand:
    """One command of the file form; msgspec.DecodeError or ValidationError (its subclass) where it is none."""
    return _command_decoder.decode(line)


def decode_orders(key: str | None, value: bytes) -> tuple[list[AnyCommand], list[BadItem]]:
    """The commands of a message from anybody, and what in it is not a command.

    A message that is no envelope, or whose key is not its symbol, is bad as a whole; a bad item is bad alone.
    """
    try:
        envelope: Any = _orders_decoder.decode(value)
        symbol, commands = envelope.symbol, envelope.items
        bad: list[BadItem] = []
    except UNREADABLE:
        try:
            raw = _raw_decoder.decode(value)
        except UNREADABLE as error:
            return [], [BadItem("malformed_message", str(error), value)]
        symbol = raw.symbol
        commands, bad = _one_by_one(raw.items)
    if key != symbol:
        return [], [BadItem("key_mismatch", f"the message key is {key!r}, its symbol {symbol!r}", value)]
    strangers = [command for command in commands if command.symbol != symbol]
    if strangers:
        detail = f"the item's symbol is not the message's, {symbol!r}"
        bad += [BadItem("symbol_mismatch", detail, _encoder.encode(command)) for command in strangers]
        commands = [command for command in commands if command.symbol == symbol]
    return commands, bad


def _one_by_one(items: Sequence[msgspec.Raw]) -> tuple[list[AnyCommand], list[BadItem]]:
    commands: list[AnyCommand] = []
    bad: list[BadItem] = []
    for item in items:
        try:
            commands.append(_command_decoder.decode(item))
        except UNREADABLE as error:
            bad.append(BadItem("malformed_item", str(error), bytes(item)))
    return commands, bad
