"""Each check on stores that agree, and on stores where one thing is wrong."""

from __future__ import annotations

import time
from typing import Any

import pyarrow as pa
import pytest

from lakehouse.schemas import base_type, struct_columns
from orchestration.reconciliation import checks, rows
from orchestration.reconciliation.bars import closed_before, expected
from orchestration.reconciliation.cut import COMPARED, COUNTED, Seen, Waiting
from orchestration.reconciliation.model import Check, Report
from orchestration.reconciliation.rows import PLACE, fields, with_place
from streaming.contracts.codec import MINUTE
from streaming.contracts.topics import (
    BOOK_SNAPSHOTS,
    CORPORATE_ACTIONS,
    MARKET_STATUS,
    ORDER_EVENTS,
    PORTFOLIO_UPDATES,
    PRICES,
    TRADES,
)

BUYER, SELLER = 4, 9
TRADE: dict[str, Any] = {
    "sequence": 4,
    "trade_id": "ACME-4",
    "symbol": "ACME",
    "price": 1_000,
    "quantity": 3,
    "maker_order_id": 1,
    "taker_order_id": 2,
    "buyer_id": BUYER,
    "seller_id": SELLER,
    "aggressor_side": "buy",
    "event_time": 7,
}
AUCTIONED: dict[str, Any] = {
    **TRADE,
    "maker_order_id": None,
    "taker_order_id": None,
    "buy_order_id": 2,
    "sell_order_id": 1,
    "aggressor_side": "none",
}
STATUS = {"sequence": 1, "symbol": "ACME", "session": "continuous", "trading_date": "2026-01-02", "event_time": 1}

DIVIDEND: dict[str, Any] = {
    "sequence": 5,
    "action_id": "quarter",
    "symbol": "ACME",
    "kind": "cash_dividend",
    "ex_date": "2026-01-05",
    "status": "effective",
    "amount": 10,
    "close_price": 1_000,
    "adjusted_price": 990,
    "event_time": 8,
}
SPLIT: dict[str, Any] = {
    **DIVIDEND,
    "sequence": 6,
    "action_id": "five-for-two",
    "kind": "split",
    "numerator": 5,
    "denominator": 2,
    "amount": None,
    "close_price": 990,
    "adjusted_price": 396,
}


def accepted(sequence: int, order_id: int, trader_id: int, side: str) -> dict[str, Any]:
    order = {"order_id": order_id, "trader_id": trader_id, "side": side, "quantity": 3, "order_type": "limit"}
    return {"event": "accepted", "sequence": sequence, "symbol": "ACME", **order, "event_time": sequence}


def update(trader_id: int, sequence: int, cash_change: int, quantity_change: int, cash: int) -> dict[str, Any]:
    endowment = sequence == 1
    return {
        "sequence": sequence,
        "trader_id": trader_id,
        "entry_id": f"endowment-{trader_id}" if endowment else "ACME-4",
        "trade_id": None if endowment else "ACME-4",
        "symbol": None if endowment else "ACME",
        "cash_change": cash_change,
        "quantity_change": quantity_change,
        "cash": cash,
        "position": quantity_change,
        "event_time": sequence,
    }


def given(
    trader_id: int, sequence: int, name: str, cash_change: int, quantity_change: int, cash: int, position: int
) -> dict[str, Any]:
    """What a corporate action gives: three shares become seven and a half."""
    told = update(trader_id, sequence, cash_change, quantity_change, cash)
    return {**told, "entry_id": f"{name}-{trader_id}", "trade_id": None, "position": position}


ITEMS: dict[str, list[dict[str, Any]]] = {
    ORDER_EVENTS.name: [accepted(2, 1, SELLER, "sell"), accepted(3, 2, BUYER, "buy")],
    TRADES.name: [TRADE],
    MARKET_STATUS.name: [STATUS],
    CORPORATE_ACTIONS.name: [DIVIDEND, SPLIT],
    PORTFOLIO_UPDATES.name: [
        update(BUYER, 1, 9_000, 0, 9_000),
        update(SELLER, 1, 5_000, 0, 5_000),
        update(BUYER, 2, -3_000, 3, 6_000),
        update(SELLER, 2, 3_000, -3, 8_000),
        given(BUYER, 3, "dividend-ACME-5", 30, 0, 6_030, 3),
        given(SELLER, 3, "dividend-ACME-5", -30, 0, 7_970, -3),
        given(BUYER, 4, "split-ACME-6", 198, 4, 6_228, 7),
        given(SELLER, 4, "split-ACME-6", -198, -4, 7_772, -7),
    ],
}


def holdings(*rows: tuple[int, str, int]) -> pa.Table:
    names = ["trader_id", "asset", "amount"]
    kinds = [pa.int64(), pa.string(), pa.int64()]
    return pa.table(
        [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), kinds, strict=True)], names
    )


COUNTS = pa.table([pa.array([0, 1]), pa.array([7, 3]), pa.array([1, 2])], schema=rows.COUNTS)


def placed(name: str, items: list[dict[str, Any]]) -> pa.Table:
    item = next(topic.item for topic in COMPARED if topic.name == name)
    rows = [{**row, PLACE[0]: 0, PLACE[1]: offset} for offset, row in enumerate(items)]
    return pa.Table.from_pylist(rows, schema=with_place(fields(item)))


def seen(**more: Any) -> Seen:
    tables = {name: placed(name, items) for name, items in ITEMS.items()}
    tables |= {topic.name: COUNTS for topic in COUNTED}
    found: dict[str, Any] = {
        "cut": {"ACME": 6},
        "kafka": dict(tables),
        "first": {name: {0: 0, 1: 0} for name in tables},
        "last": {name: {0: 10, 1: 10} for name in tables},
        "iceberg": dict(tables),
        "trades": tables[TRADES.name].drop_columns(list(PLACE)),
        "actions": tables[CORPORATE_ACTIONS.name].drop_columns(list(PLACE)),
        "updates": tables[PORTFOLIO_UPDATES.name].drop_columns(list(PLACE)),
        "endowments": holdings((BUYER, "USD", 9_000), (SELLER, "USD", 5_000)),
        "balances": holdings((BUYER, "USD", 6_228), (BUYER, "ACME", 7), (SELLER, "USD", 7_772), (SELLER, "ACME", -7)),
    }
    found |= {"closed": 0, "bars": expected(tables[TRADES.name], 0)}
    return Seen(**{**found, **more})


CONSERVED = [("ACME", 0, 10, -10), ("USD", 0, 14_000, -14_000)]


def failing(found: Seen) -> set[str]:
    return {check.name for check in checks.all_checks(found, CONSERVED, [], [], []) if not check.passed}


def with_store(store: str, topic: str, items: list[dict[str, Any]]) -> Seen:
    found = seen()
    getattr(found, store)[topic] = placed(topic, items)
    return found


def test_stores_that_agree_pass_every_check() -> None:
    assert failing(seen()) == set()


def test_a_trade_that_kafka_lacks_is_found() -> None:
    assert failing(with_store("kafka", TRADES.name, [])) == {"trades", "sequences"}


@pytest.mark.parametrize("field", [name for name in TRADES.item.__struct_fields__ if name != "symbol"])
def test_every_field_of_a_trade_is_compared(field: str) -> None:
    value = "sell" if isinstance(TRADE.get(field), str) else (TRADE.get(field) or 0) + 1
    assert "trades" in failing(with_store("kafka", TRADES.name, [{**TRADE, field: value}]))


@pytest.mark.parametrize("kind", ORDER_EVENTS.item.__args__, ids=lambda kind: kind.__name__)
def test_every_field_of_an_order_event_is_compared(kind: Any) -> None:
    samples = {int: (7, 8), str: ("one", "other"), bool: (True, None)}
    hints = {column.name: samples[base_type(column.type)] for column in struct_columns(kind)}
    hints |= {"sequence": (4, 5), "symbol": ("ACME", "ACME")}
    event = {"event": kind.__struct_config__.tag, **{name: values[0] for name, values in hints.items()}}
    found = with_store("kafka", ORDER_EVENTS.name, [event])
    for name, (_, other) in hints.items():
        found.iceberg[ORDER_EVENTS.name] = placed(ORDER_EVENTS.name, [{**event, name: other}])
        check = checks.same_rows(found, ORDER_EVENTS, "order_events", "")
        assert check.passed is (name == "symbol"), name


def test_every_field_of_the_market_status_is_compared() -> None:
    for column in struct_columns(MARKET_STATUS.item):
        if column.name not in STATUS:
            changed = {**STATUS, column.name: "paused" if base_type(column.type) is str else 5}
            assert failing(with_store("iceberg", MARKET_STATUS.name, [changed])) == {"market_status"}, column.name


def test_a_row_too_many_or_too_few_of_a_message_is_found() -> None:
    for changed in (COUNTS.slice(0, 1), COUNTS.set_column(2, "items", pa.array([1, 3]))):
        for topic, name in ((PRICES, "prices"), (BOOK_SNAPSHOTS, "book_snapshots")):
            found = seen()
            found.iceberg[topic.name] = changed
            assert failing(found) == {name}
            found.first[topic.name] = {0: 0, 1: 4}  # Kafka has let it go
            found.kafka[topic.name] = COUNTS.slice(0, 1)
            assert failing(found) == set()


def test_no_trade_at_all_is_a_failure() -> None:
    none = with_store("kafka", TRADES.name, [])
    none.iceberg[TRADES.name] = none.kafka[TRADES.name]
    none.trades = none.trades.slice(0, 0)
    check = checks.trades(none)
    assert not check.passed
    assert check.sample == ["there is no trade: nothing was proved"]


def test_a_fill_beyond_the_order_is_found() -> None:
    assert "filled" in failing(with_store("iceberg", TRADES.name, [{**TRADE, "quantity": 4}]))


def test_an_auctions_trade_counts_for_the_orders_that_it_names() -> None:
    found = with_store("iceberg", TRADES.name, [AUCTIONED])
    assert checks.filled(found).passed
    found = with_store("iceberg", TRADES.name, [{**AUCTIONED, "sell_order_id": 3}])
    assert checks.filled(found).sample == [
        "order 3 of trader 9 in ACME: 3 shares filled or taken off beyond its total",
    ]


def test_a_trade_of_an_order_that_was_never_accepted_is_found() -> None:
    found = with_store("iceberg", ORDER_EVENTS.name, ITEMS[ORDER_EVENTS.name][:1])
    assert {"filled", "order_events", "sequences"} <= failing(found)


def test_an_order_event_that_comes_twice_in_the_lake_is_found() -> None:
    first, second = ITEMS[ORDER_EVENTS.name]
    assert failing(with_store("iceberg", ORDER_EVENTS.name, [first, second, second])) >= {"order_events", "sequences"}


def test_what_came_after_the_cut_is_not_compared() -> None:
    later = {**TRADE, "sequence": 7, "trade_id": "ACME-7"}
    found = with_store("iceberg", TRADES.name, [TRADE, later])
    found.last[TRADES.name] = {0: 0}
    assert failing(found) == set()


def test_a_balance_that_is_off_by_one_is_found() -> None:
    rows = [(BUYER, "USD", 6_229), (BUYER, "ACME", 7), (SELLER, "USD", 7_772), (SELLER, "ACME", -7)]
    assert failing(seen(balances=holdings(*rows))) == {"balances", "portfolio_updates"}


@pytest.mark.parametrize("field", [name for name in DIVIDEND if name != "symbol"])
def test_every_field_of_a_corporate_action_is_compared(field: str) -> None:
    value = "other" if isinstance(DIVIDEND[field], str) else DIVIDEND[field] + 1
    for store in ("kafka", "iceberg"):
        found = with_store(store, CORPORATE_ACTIONS.name, [{**DIVIDEND, field: value}, SPLIT])
        assert "corporate_actions" in failing(found)


def test_actions_that_kafka_let_go_are_compared_in_the_lake() -> None:
    found = with_store("kafka", CORPORATE_ACTIONS.name, [])
    found.first[CORPORATE_ACTIONS.name], found.last[CORPORATE_ACTIONS.name] = {0: 2, 1: 0}, {0: -1, 1: -1}
    assert checks.corporate_actions(found).passed
    found.iceberg[CORPORATE_ACTIONS.name] = placed(CORPORATE_ACTIONS.name, [SPLIT])
    assert not checks.corporate_actions(found).passed


@pytest.mark.parametrize("change", [{"amount": 11}, {"status": "refused"}, {"sequence": 3}])
def test_a_dividend_that_was_not_paid_as_it_was_told_is_found(change: dict[str, Any]) -> None:
    actions = placed(CORPORATE_ACTIONS.name, [{**DIVIDEND, **change}, SPLIT]).drop_columns(list(PLACE))
    assert failing(seen(actions=actions)) == {"corporate_actions", "balances"}


def test_a_gap_in_a_traders_updates_is_found() -> None:
    items = [row for row in ITEMS[PORTFOLIO_UPDATES.name] if row["sequence"] != 1]
    rows = placed(PORTFOLIO_UPDATES.name, items)
    found = seen(updates=rows.drop_columns(list(PLACE)))
    found.kafka[PORTFOLIO_UPDATES.name] = found.iceberg[PORTFOLIO_UPDATES.name] = rows
    check = checks.portfolio_updates(found)
    assert "trader 4 has 3 updates up to sequence 4" in check.sample


@pytest.mark.parametrize("wrong", [("USD", 1, 14_000, -14_000), ("USD", 0, 14_001, -14_000)])
def test_cash_out_of_nowhere_is_found(wrong: tuple[str, int, int, int]) -> None:
    assert not checks.cash_conserved([wrong]).passed
    assert checks.shares_conserved([wrong, CONSERVED[0]]).passed


def test_books_without_an_account_prove_nothing() -> None:
    assert not checks.cash_conserved([]).passed


def test_a_store_that_is_late_or_unreadable_is_a_difference() -> None:
    assert failing(seen(late=["settlement is 3 messages of trades behind"])) == {"caught_up"}
    assert failing(seen(unreadable=["trades-0 at 7: no JSON"])) == {"caught_up"}


def test_a_report_passes_only_where_every_check_did() -> None:
    good, bad = Check("a", "A"), Check("b", "B", differences=1)
    assert Report([good], {}, 1.0).passed
    assert not Report([good, bad], {}, 1.0).passed
    assert not Report([], {}, 1.0).passed


def test_waiting_ends_when_all_is_there_or_time_is_over() -> None:
    answers = iter(["two missing", "one missing", ""])
    patient = Waiting(60, lambda _: None, pause=0)
    patient.until_empty(lambda: next(answers))
    assert patient.late == []
    began = time.monotonic()
    hasty = Waiting(0, lambda _: None, pause=60)
    hasty.until_empty(lambda: "one missing")
    assert hasty.late == ["one missing"]
    assert time.monotonic() - began < 10


BARS = expected(placed(TRADES.name, [TRADE]), MINUTE)


def test_a_bar_made_of_all_its_minutes_trades_passes() -> None:
    assert BARS.to_pylist()[0]["trades"] == 1
    assert failing(seen(closed=MINUTE, bars=BARS)) == set()


def test_a_trade_that_flink_took_for_late_is_found() -> None:
    assert failing(seen(closed=MINUTE, bars=BARS.slice(0, 0))) == {"bars"}


def test_a_bar_that_counts_a_trade_twice_is_found() -> None:
    twice = BARS.set_column(BARS.column_names.index("trades"), "trades", pa.array([2]))
    assert failing(seen(closed=MINUTE, bars=twice)) == {"bars"}


def test_a_bar_must_be_there_three_minutes_of_market_time_after_its_end() -> None:
    assert closed_before({0: 10 * MINUTE, 1: 5 * MINUTE + 1}) == 2 * MINUTE
    assert closed_before({0: 10 * MINUTE, 1: 0}) == 0
    assert closed_before({}) == 0
