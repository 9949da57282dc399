"""What bytes from anybody become: commands, or bad items with the reason and the original bytes."""

from __future__ import annotations

import msgspec
import pytest

from streaming.contracts.codec import decode, decode_orders, encode, encode_line
from streaming.contracts.commands import CancelOrder, Clock
from streaming.contracts.events import DeadLetter, Trade
from streaming.contracts.topics import DEAD_LETTERS, ORDERS, TRADES

CLOCK = Clock(symbol="ACME", event_time=5)
CANCEL = CancelOrder(order_id=1, trader_id=2, symbol="ACME", event_time=6)


def envelope(*items: str) -> bytes:
    return f'{{"symbol":"ACME","event_time":6,"items":[{",".join(items)}]}}'.encode()


def text(item: msgspec.Struct) -> str:
    return encode_line(item).decode().strip()


def test_what_is_encoded_is_decoded() -> None:
    assert decode_orders("ACME", encode(ORDERS, "ACME", [CLOCK, CANCEL], 6)) == ([CLOCK, CANCEL], [])


def test_an_envelope_without_items_lets_time_pass() -> None:
    assert encode(TRADES, "ACME", [], 7) == b'{"symbol":"ACME","event_time":7,"items":[]}'
    assert decode(TRADES, encode(TRADES, "ACME", [], 7)) == []


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"no JSON",
        b"null",
        b"[]",
        b"\xff\x00",
        b'{"symbol":"ACME"}',
        b'{"items":[]}',
        b'{"symbol":1,"items":[]}',
        b'{"symbol":"ACME","items":' + b"[" * 100_000,
    ],
)
def test_a_message_that_is_no_envelope_is_bad_as_a_whole(value: bytes) -> None:
    commands, (bad,) = decode_orders("ACME", value)
    assert commands == []
    assert (bad.reason, bad.payload) == ("malformed_message", value)
    assert bad.detail


@pytest.mark.parametrize("key", [None, "BLUE", "acme", ""])
def test_a_key_that_is_not_the_symbol_is_bad_whatever_the_items(key: str | None) -> None:
    for value in (envelope(text(CLOCK)), envelope("1", text(CLOCK))):
        commands, (bad,) = decode_orders(key, value)
        assert commands == []
        assert (bad.reason, bad.payload) == ("key_mismatch", value)


@pytest.mark.parametrize(
    "item",
    [
        '{"command":"dance"}',
        '{"command":"clock","symbol":"ACME"}',
        '{"command":"clock","symbol":"ACME","event_time":5,"colour":"red"}',
        '{"command":"clock","symbol":"ACME","event_time":-1}',
        '{"command":"clock","symbol":"ACME","event_time":99999999999999999}',
        '{"command":"cancel","symbol":"ACME","event_time":5,"order_id":"1","trader_id":1}',
        '{"command":"cancel","symbol":"ACME","event_time":5,"order_id":0,"trader_id":1}',
        '{"command":"cancel","symbol":"ACME","event_time":5,"order_id":9223372036854775808,"trader_id":1}',
        '{"command":"cancel","symbol":"ACME","event_time":5,"order_id":1' + "0" * 5_000 + ',"trader_id":1}',
        '{"command":"clock","symbol":"acme; drop","event_time":5}',
        "17",
        "null",
        "[[[[1]]]]",
    ],
)
def test_a_bad_item_is_bad_alone(item: str) -> None:
    commands, (bad,) = decode_orders("ACME", envelope(text(CLOCK), item, text(CANCEL)))
    assert commands == [CLOCK, CANCEL]
    assert (bad.reason, bad.payload) == ("malformed_item", item.encode())


def test_an_item_of_another_symbol_is_bad_alone() -> None:
    stranger = Clock(symbol="BLUE", event_time=5)
    commands, (bad,) = decode_orders("ACME", envelope(text(stranger), text(CANCEL)))
    assert commands == [CANCEL]
    assert (bad.reason, bad.payload) == ("symbol_mismatch", text(stranger).encode())


def test_a_dead_letter_gives_the_original_bytes_back() -> None:
    letter = DeadLetter(
        topic="orders",
        partition=1,
        offset=7,
        reason="malformed_message",
        detail="why",
        payload=b"\x00\xff",
        event_time=5,
    )
    assert decode(DEAD_LETTERS, encode(DEAD_LETTERS, "orders", [letter], 5)) == [letter]


def test_what_the_platform_never_wrote_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(TRADES, encode(TRADES, "ACME", [CLOCK], 5))
    assert TRADES.item is Trade
