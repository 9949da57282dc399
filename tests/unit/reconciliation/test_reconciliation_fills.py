"""What is left of orders, worked out for all at once: as one event after another says."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.reconciliation.fills import overfilled
from orchestration.reconciliation.rows import fields
from streaming.contracts.topics import ORDER_EVENTS, TRADES

Row = dict[str, Any]
ME, OTHER = 4, 9


def events(*rows: Row) -> pa.Table:
    common = {"symbol": "ACME", "trader_id": ME, "event_time": 1}
    return pa.Table.from_pylist([{**common, **row} for row in rows], schema=fields(ORDER_EVENTS.item))


def trades(*rows: Row) -> pa.Table:
    common = {"symbol": "ACME", "price": 1, "buyer_id": ME, "seller_id": OTHER, "event_time": 1}
    return pa.Table.from_pylist([{**common, **row} for row in rows], schema=fields(TRADES.item))


def event(sequence: int, kind: str, quantity: int | None = None, order_id: int = 1, **more: Any) -> Row:
    return {"event": kind, "sequence": sequence, "order_id": order_id, "quantity": quantity, **more}


def bought(sequence: int, quantity: int, order_id: int = 1, aggressor: str = "buy") -> Row:
    names = {
        "buy": ("taker_order_id", "maker_order_id"),
        "sell": ("maker_order_id", "taker_order_id"),
        "none": ("buy_order_id", "sell_order_id"),
    }[aggressor]
    orders = dict(zip(names, (order_id, 77), strict=True))
    return {"sequence": sequence, "quantity": quantity, "aggressor_side": aggressor, **orders}


SOLD = event(1, "accepted", 10**6, 77, trader_id=OTHER)


@pytest.mark.parametrize("aggressor", ["buy", "sell", "none"])
@pytest.mark.parametrize(("quantity", "beyond"), [(5, []), (6, [1])])
def test_fills_up_to_the_total(aggressor: str, quantity: int, beyond: list[int]) -> None:
    found = overfilled(events(SOLD, event(2, "accepted", 5)), trades(bought(3, quantity, aggressor=aggressor)))
    assert [row["beyond"] for row in found] == beyond
    assert [(row["symbol"], row["trader_id"], row["order_id"]) for row in found] == [("ACME", ME, 1)] * len(beyond)


def test_a_replacement_sets_the_total_and_a_cancellation_takes_from_it() -> None:
    life = events(
        SOLD,
        event(2, "accepted", 5),
        event(4, "cancelled", 2, reason="self_trade_prevention"),  # 3, of which 2 are filled
        event(5, "replaced", 9),  # 7 are left
        event(7, "cancelled", 1, reason="self_trade_prevention"),
        event(8, "replaced", 8, reason="price_band"),
        event(9, "expired", 2),
    )
    assert overfilled(life, trades(bought(3, 2), bought(6, 4))) == []
    assert [row["beyond"] for row in overfilled(life, trades(bought(3, 2), bought(6, 5)))] == [1]


def test_more_than_there_was_at_the_time_is_found_though_a_later_replacement_makes_it_up() -> None:
    life = events(SOLD, event(2, "accepted", 5), event(4, "replaced", 20))
    assert [row["beyond"] for row in overfilled(life, trades(bought(3, 6)))] == [1]


def test_an_order_that_was_never_accepted_and_a_trade_that_names_none() -> None:
    assert [row["order_id"] for row in overfilled(events(SOLD), trades(bought(2, 1, order_id=5)))] == [5]
    unnamed = {**bought(2, 1), "taker_order_id": None}
    assert [row["order_id"] for row in overfilled(events(SOLD), trades(unnamed))] == [0]


def test_nothing_is_no_fault_and_what_is_no_order_is_passed_over() -> None:
    assert overfilled(events(), trades()) == []
    others = events(SOLD, event(2, "rejected"), event(3, "triggered"), event(4, "mass_cancelled", order_id=None))
    assert overfilled(others, trades()) == []


steps = st.lists(
    st.tuples(
        st.integers(1, 3), st.sampled_from(["accepted", "replaced", "cancelled", "expired", "buy", "sell", "none"]),
        st.integers(1, 6),
    ),
    max_size=40,
)  # fmt: skip


@given(steps)
def test_all_at_once_is_as_one_after_another(made: list[tuple[int, str, int]]) -> None:
    said, dealt = [SOLD], []
    left: dict[int, int] = defaultdict(int)
    filled: dict[int, int] = defaultdict(int)
    least: dict[int, int] = {}
    for sequence, (order_id, kind, quantity) in enumerate(made, 2):
        if kind in ("accepted", "replaced"):
            left[order_id] = quantity - filled[order_id]
            said.append(event(sequence, kind, quantity, order_id))
        elif kind in ("cancelled", "expired"):
            left[order_id] -= quantity
            said.append(event(sequence, kind, quantity, order_id))
        else:
            left[order_id] -= quantity
            filled[order_id] += quantity
            dealt.append(bought(sequence, quantity, order_id, kind))
        least[order_id] = min(left[order_id], least.get(order_id, left[order_id]))
    expected = {order_id: -shares for order_id, shares in least.items() if shares < 0}
    assert {row["order_id"]: row["beyond"] for row in overfilled(events(*said), trades(*dealt))} == expected
