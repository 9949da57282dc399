"""Bytes from Kafka: each becomes a trade that the ledger can hold, or a dead letter."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.contracts.codec import encode, encode_actions
from streaming.contracts.events import CorporateAction, Trade
from streaming.contracts.topics import TRADES
from streaming.settlement.intake import action_fault, fault, read_trades

GOOD: dict[str, Any] = {
    "event": "trade",
    "sequence": 9,
    "trade_id": "ACME-9",
    "symbol": "ACME",
    "price": 1_000_500,
    "quantity": 10,
    "maker_order_id": 12,
    "taker_order_id": 17,
    "buyer_id": 4,
    "seller_id": 9,
    "aggressor_side": "buy",
    "event_time": 1_767_364_200_000_000,
}
AUCTIONED: dict[str, Any] = {
    **{name: value for name, value in GOOD.items() if name not in ("maker_order_id", "taker_order_id")},
    "buy_order_id": 12,
    "sell_order_id": 17,
    "aggressor_side": "none",
}
TRADE = msgspec.convert(GOOD, Trade)


def message(*items: dict[str, Any], symbol: str = "ACME") -> bytes:
    return json.dumps({"symbol": symbol, "event_time": 0, "items": items}).encode()


def test_what_the_engine_writes_is_read() -> None:
    assert read_trades(b"ACME", encode(TRADES, "ACME", [TRADE, TRADE], 0)) == ([TRADE, TRADE], [])


def test_a_message_without_items_only_lets_time_pass() -> None:
    assert read_trades(b"ACME", encode(TRADES, "ACME", [], 0)) == ([], [])


@pytest.mark.parametrize("value", [None, b"", b"\xff\xfe", b"{", b"[]", b'{"symbol":"ACME"}', b"[" * 5_000])
def test_a_message_that_is_none_is_bad_as_a_whole(value: bytes | None) -> None:
    trades, unusable = read_trades(b"ACME", value)
    assert trades == []
    assert [(bad.item, bad.reason, bad.payload) for bad in unusable] == [(-1, "malformed_message", value or b"")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", 0),
        ("price", -1),
        ("price", 2**62),
        ("price", "dear"),
        ("price", 1.5),
        ("quantity", 0),
        ("quantity", 10**30),
        ("buyer_id", 0),
        ("seller_id", 2**63),
        ("maker_order_id", -3),
        ("maker_order_id", None),
        ("buy_order_id", 5),
        ("aggressor_side", "none"),
        ("aggressor_side", "neither"),
        ("trade_id", "ACME-10"),
        ("trade_id", None),
        ("sequence", 0),
        ("symbol", "acme"),
        ("symbol", "AC\0ME"),
        ("event_time", -1),
        ("event_time", 2**60),
    ],
)
def test_a_bad_item_is_bad_alone(field: str, value: object) -> None:
    trades, unusable = read_trades(b"ACME", message(GOOD, {**GOOD, field: value}, GOOD))
    assert trades == [TRADE, TRADE]
    assert [(bad.item, bad.reason) for bad in unusable] == [(1, "malformed_item")]
    assert json.loads(unusable[0].payload)[field] == value


def test_a_trade_of_an_auction_names_the_orders_of_both_sides() -> None:
    trades, unusable = read_trades(b"ACME", message(AUCTIONED))
    assert trades == [msgspec.convert(AUCTIONED, Trade)]
    assert not unusable


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("buy_order_id", 0),
        ("buy_order_id", None),
        ("sell_order_id", 2**63),
        ("maker_order_id", 3),
        ("aggressor_side", "buy"),
    ],
)
def test_a_bad_trade_of_an_auction_is_bad_alone(field: str, value: object) -> None:
    trades, unusable = read_trades(b"ACME", message(AUCTIONED, {**AUCTIONED, field: value}))
    assert len(trades) == 1
    assert [(bad.item, bad.reason) for bad in unusable] == [(1, "malformed_item")]


def test_an_item_of_another_symbol_is_told_apart() -> None:
    trades, unusable = read_trades(b"BLUE", message(GOOD, symbol="BLUE"))
    assert trades == []
    assert [bad.reason for bad in unusable] == ["symbol_mismatch"]


@given(st.binary(max_size=200))
def test_no_bytes_stop_the_stream(value: bytes) -> None:
    trades, unusable = read_trades(b"ACME", value)
    assert not trades
    assert len(unusable) <= 1


@given(st.integers(), st.integers(), st.integers(), st.integers())
def test_what_has_no_fault_fits_the_ledgers_columns(price: int, quantity: int, buyer: int, time: int) -> None:
    trade = msgspec.structs.replace(TRADE, price=price, quantity=quantity, buyer_id=buyer, event_time=time)
    if fault(trade) is None:
        assert all(-(2**63) <= number < 2**63 for number in (price, quantity, price * quantity, buyer, time))


SPLIT = CorporateAction(
    sequence=9,
    action_id="a",
    symbol="ACME",
    kind="split",
    ex_date="2026-01-05",
    status="effective",
    numerator=2,
    denominator=1,
    close_price=10_000,
    adjusted_price=5_000,
    event_time=5,
)


def test_actions_come_after_the_trades_of_their_message() -> None:
    assert read_trades(b"ACME", encode_actions("ACME", [SPLIT], 5)) == ([SPLIT], [])


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": 0},
        {"ex_date": "2026-02-30"},
        {"event_time": -1},
        {"numerator": None},
        {"denominator": 0},
        {"adjusted_price": None},
        {"amount": 5},
        {"kind": "cash_dividend"},
        {"reason": "market_open"},
        {"status": "refused"},
        {"symbol": "acme"},
    ],
)
def test_an_action_that_the_ledger_cannot_hold_is_a_dead_letter(change: dict[str, Any]) -> None:
    bad = msgspec.structs.replace(SPLIT, **change)
    assert action_fault(bad)
    found, (unusable,) = read_trades(b"ACME", encode_actions("ACME", [SPLIT, bad], 5))
    assert found == [SPLIT]
    assert (unusable.item, unusable.reason) == (1, "malformed_item")


def test_an_action_of_another_symbol_is_a_dead_letter() -> None:
    found, (unusable,) = read_trades(b"BLUE", encode_actions("BLUE", [SPLIT], 5))
    assert (list(found), unusable.reason) == ([], "symbol_mismatch")
