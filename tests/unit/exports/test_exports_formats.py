"""What each thing that may happen to an order looks like in both formats.

LOBSTER messages are `type order size price direction`, MBO records `action side price size order`, a `/` after the
last of an event; prices in dollars. Orders are named by the sequence of their acceptance.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lakehouse.exports.days import Day, make_day
from lakehouse.exports.lobster import write_lobster
from lakehouse.exports.mbo import HEADER, instrument_id, write_mbo
from streaming.contracts.commands import (
    AnyCommand,
    CancelOrder,
    Clock,
    DefineInstrument,
    Halt,
    NewOrder,
    ReplaceOrder,
    Resume,
    Session,
    SetSession,
)
from streaming.matching.exchange import SymbolMarket
from tests.matching_streams import DAY, SECOND, START
from tests.unit.exports.rebuilding import FIRST_DAY, LAST_FLAG, SNAPSHOT_FLAG, run

PREVIOUS_EVENING = START - DAY // 2
DOLLAR = 10_000


def order(side: str, number: int, dollars: float | None, quantity: int, **more: Any) -> NewOrder:
    price = None if dollars is None else round(dollars * DOLLAR)
    kind = "market" if price is None else "limit"
    fields: dict[str, Any] = {"order_type": kind, "trader_id": number, "event_time": START} | more
    return NewOrder(order_id=number, symbol="ACME", side=side, price=price, quantity=quantity, **fields)


def buy(number: int, dollars: float | None, quantity: int, **more: Any) -> NewOrder:
    return order("buy", number, dollars, quantity, **more)


def sell(number: int, dollars: float | None, quantity: int, **more: Any) -> NewOrder:
    return order("sell", number, dollars, quantity, **more)


def cancel(number: int) -> CancelOrder:
    return CancelOrder(order_id=number, trader_id=number, symbol="ACME", event_time=START)


def replace(number: int, quantity: int, dollars: float | None = None) -> ReplaceOrder:
    price = None if dollars is None else round(dollars * DOLLAR)
    return ReplaceOrder(
        order_id=number, trader_id=number, symbol="ACME", quantity=quantity, price=price, event_time=START
    )


def session(name: Session, reference: int | None = None) -> SetSession:
    price = None if reference is None else reference * DOLLAR
    return SetSession(symbol="ACME", session=name, trading_date=str(FIRST_DAY), reference_price=price, event_time=START)


HALT = Halt(symbol="ACME", event_time=START)
RESUME = Resume(symbol="ACME", event_time=START)
INSTRUMENT = DefineInstrument(
    symbol="ACME", tick_size=100, lot_size=1, max_quantity=10**6, collar_bps=5_000, event_time=START
)

CASES: dict[str, tuple[Sequence[AnyCommand], list[str], list[str]]] = {
    "a new order": ([buy(1, 10, 30)], ["1 1 30 10 1"], ["A B 10 30 1 /"]),
    "a sell order": ([sell(1, 10.5, 30)], ["1 1 30 10.5 -1"], ["A A 10.5 30 1 /"]),
    "a rejected order is not there": ([buy(1, 10, 0), buy(2, 10, 5)], ["1 2 5 10 1"], ["A B 10 5 2 /"]),
    "a partial fill: the standing order is executed, the incoming one is never shown": (
        [sell(1, 10, 30), buy(2, 10, 12)],
        ["1 1 30 10 -1", "4 1 12 10 -1"],
        ["A A 10 30 1 /", "T B 10 12 2", "F A 10 12 1", "C A 10 12 1 /"],
    ),
    "a full fill, and the rest of the incoming order stands": (
        [sell(1, 10, 30), buy(2, 10.1, 40)],
        ["1 1 30 10 -1", "4 1 30 10 -1", "1 2 10 10.1 1"],
        ["A A 10 30 1 /", "T B 10 30 2", "F A 10 30 1", "C A 10 30 1", "A B 10.1 10 2 /"],
    ),
    "a market order, and its rest is nowhere": (
        [buy(1, 10, 30), sell(2, None, 50)],
        ["1 1 30 10 1", "4 1 30 10 1"],
        ["A B 10 30 1 /", "T A 10 30 2", "F B 10 30 1", "C B 10 30 1 /"],
    ),
    "an immediate-or-cancel order that finds nothing": ([buy(1, 10, 30, time_in_force="ioc")], [], []),
    "a cancel": (
        [buy(1, 10, 30), cancel(1)],
        ["1 1 30 10 1", "3 1 30 10 1"],
        ["A B 10 30 1 /", "C B 10 30 1 /"],
    ),
    "a replace downwards keeps the place": (
        [buy(1, 10, 30), replace(1, 20)],
        ["1 1 30 10 1", "2 1 10 10 1"],
        ["A B 10 30 1 /", "M B 10 20 1 /"],
    ),
    "a replace upwards loses it": (
        [buy(1, 10, 30), replace(1, 50)],
        ["1 1 30 10 1", "3 1 30 10 1", "1 1 50 10 1"],
        ["A B 10 30 1 /", "M B 10 50 1 /"],
    ),
    "a replace at another price": (
        [buy(1, 10, 30), replace(1, 20, 9.9)],
        ["1 1 30 10 1", "3 1 30 10 1", "1 1 20 9.9 1"],
        ["A B 10 30 1 /", "M B 9.9 20 1 /"],
    ),
    "a replace that trades at once": (
        [buy(1, 10, 30), sell(2, 11, 10), replace(1, 30, 11)],
        ["1 1 30 10 1", "1 2 10 11 -1", "3 1 30 10 1", "4 2 10 11 -1", "1 1 20 11 1"],
        ["A B 10 30 1 /", "A A 11 10 2 /", "C B 10 30 1", "T B 11 10 1", "F A 11 10 2", "C A 11 10 2", "A B 11 20 1 /"],
    ),
    "an iceberg is its shown part; the next one goes behind the others": (
        [sell(1, 10, 25, display_quantity=10), sell(2, 10, 5), buy(3, 10, 12)],
        ["1 1 10 10 -1", "1 2 5 10 -1", "4 1 10 10 -1", "1 1 10 10 -1", "4 2 2 10 -1"],
        [
            *("A A 10 10 1 /", "A A 10 5 2 /"),
            *("T B 10 10 3", "F A 10 10 1", "C A 10 10 1", "A A 10 10 1", "T B 10 2 3", "F A 10 2 2", "C A 10 2 2 /"),
        ],
    ),
    "an iceberg that shrinks in its hidden part": (
        [sell(1, 10, 25, display_quantity=10), replace(1, 15)],
        ["1 1 10 10 -1"],
        ["A A 10 10 1 /"],
    ),
    "an iceberg that grows is shown anew, with as much as before": (
        [sell(1, 10, 25, display_quantity=10), replace(1, 50)],
        ["1 1 10 10 -1", "3 1 10 10 -1", "1 1 10 10 -1"],
        ["A A 10 10 1 /", "C A 10 10 1", "A A 10 10 1 /"],
    ),
    "self-trade prevention takes a part off both": (
        [sell(1, 10, 30), buy(2, 10, 10, trader_id=1, self_trade_prevention="decrement_and_cancel")],
        ["1 1 30 10 -1", "2 1 10 10 -1"],
        ["A A 10 30 1 /", "C A 10 10 1 /"],
    ),
    "a stop order is not there before it is triggered": (
        [buy(1, 10, 10), buy(2, 9, 10), sell(3, None, 5, order_type="stop", stop_price=10 * DOLLAR), sell(4, 10, 10)],
        ["1 1 10 10 1", "1 2 10 9 1", "4 1 10 10 1", "4 2 5 9 1"],
        [
            *("A B 10 10 1 /", "A B 9 10 2 /"),
            *("T A 10 10 4", "F B 10 10 1", "C B 10 10 1 /", "T A 9 5 3", "F B 9 5 2", "C B 9 5 2 /"),
        ],
    ),
    "an expiry": (
        [buy(1, 10, 30, time_in_force="day"), session("closed")],
        ["1 1 30 10 1", "3 1 30 10 1"],
        ["A B 10 30 1 /", "C B 10 30 1 /"],
    ),
    "an order until a time": (
        [
            buy(1, 10, 30, time_in_force="gtd", expire_time=START + SECOND),
            Clock(symbol="ACME", event_time=START + 2 * SECOND),
        ],
        ["1 1 30 10 1", "3 1 30 10 1"],
        ["A B 10 30 1 /", "C B 10 30 1 /"],
    ),
    "a halt: orders gather, the resumption is an auction": (
        [HALT, buy(1, 11, 30), sell(2, 10, 10), RESUME],
        ["7 0 0 -1 -1", "1 2 30 11 1", "1 3 10 10 -1", "4 2 10 11 1", "4 3 10 10 -1", "6 0 10 11 -1", "7 0 0 1 -1"],
        ["A B 11 30 2 /", "A A 10 10 3 /", "T N 11 10 0", "F B 11 10 2", "C B 11 10 2", "F A 11 10 3", "C A 10 10 3 /"],
    ),
    "an opening auction with a market order, which is never shown": (
        [
            *(INSTRUMENT, session("pre_open", 10)),
            *(buy(1, None, 10), buy(2, 10, 10), sell(3, 10, 15), session("continuous")),
        ],
        ["1 3 10 10 1", "1 4 15 10 -1", "4 4 10 10 -1", "4 3 5 10 1", "4 4 5 10 -1", "6 0 15 10 -1"],
        [
            *("A B 10 10 3 /", "A A 10 15 4 /"),
            *("T N 10 10 0", "F A 10 10 4", "C A 10 10 4"),
            *("T N 10 5 0", "F B 10 5 3", "C B 10 5 3", "F A 10 5 4", "C A 10 5 4 /"),
        ],
    ),
    "an iceberg in an auction: its hidden shares trade, and its next part keeps the place": (
        [HALT, sell(1, 10, 30, display_quantity=5), sell(2, 10, 7), buy(3, 10, 12), RESUME],
        [
            *("7 0 0 -1 -1", "1 2 5 10 -1", "1 3 7 10 -1", "1 4 12 10 1"),
            *("4 4 12 10 1", "4 2 5 10 -1", "5 0 7 10 -1", "1 2 5 10 -1", "6 0 12 10 -1", "7 0 0 1 -1"),
        ],
        [
            *("A A 10 5 2 /", "A A 10 7 3 /", "A B 10 12 4 /"),
            *("T N 10 12 0", "F B 10 12 4", "C B 10 12 4", "F A 10 5 2", "C A 10 5 2"),
            *("A A 10 5 2", "C A 10 7 3", "A A 10 7 3 /"),
        ],
    ),
    "an order at the close is not there before the closing auction": (
        [buy(1, 10, 30, time_in_force="at_the_close"), buy(2, 10, 5), session("closing_auction"), session("closed")],
        ["1 2 5 10 1", "1 1 30 10 1", "3 1 30 10 1"],
        ["A B 10 5 2 /", "A B 10 30 1 /", "C B 10 30 1 /"],
    ),
    "what stands from the day before comes first": (
        [buy(1, 10, 30, event_time=PREVIOUS_EVENING), sell(2, 10, 10, event_time=PREVIOUS_EVENING), cancel(1)],
        ["1 1 20 10 1", "3 1 20 10 1"],
        ["R N 922337203685477.5807 0 0", "A B 10 20 1 /", "C B 10 20 1 /"],
    ),
}


def exported(commands: Sequence[AnyCommand]) -> Day:
    bare = INSTRUMENT not in commands
    return make_day("ACME", FIRST_DAY, run(SymbolMarket("ACME", bare=bare), commands))


def dollars(price: int, unit: int) -> str:
    return f"{price / unit:.4f}".rstrip("0").rstrip(".")


@pytest.mark.parametrize("name", CASES)
def test_lobster_messages(tmp_path: Path, name: str) -> None:
    commands, expected, _ = CASES[name]
    messages, _, _ = write_lobster(exported(commands), 1, tmp_path, force=False)
    rows = csv.reader(messages.read_text().splitlines())
    told = []
    for _, kind, number, size, price, direction in rows:
        plain = price if kind == "7" else dollars(int(price), DOLLAR)
        told.append(f"{kind} {number} {size} {plain} {direction}")
    assert told == expected


@pytest.mark.parametrize("name", CASES)
def test_mbo_records(tmp_path: Path, name: str) -> None:
    commands, _, expected = CASES[name]
    path, _ = write_mbo(exported(commands), tmp_path, force=False)
    told = []
    for row in csv.DictReader(path.read_text().splitlines()):
        price = "922337203685477.5807" if row["action"] == "R" else dollars(int(row["price"]), 10**9)
        last = " /" if int(row["flags"]) & LAST_FLAG else ""
        told.append(f"{row['action']} {row['side']} {price} {row['size']} {row['order_id']}{last}")
    assert told[0] in ("R N 922337203685477.5807 0 0", "R N 922337203685477.5807 0 0 /")
    assert (told if expected and expected[0].startswith("R") else told[1:]) == expected


def test_a_lobster_files_name_and_columns(tmp_path: Path) -> None:
    day = exported([buy(1, 10, 30), sell(2, 10.05, 5, event_time=START + 61_000_123)])
    messages, book, count = write_lobster(day, 2, tmp_path, force=False)
    assert messages.name == "ACME_2026-01-02_34200000_34320000_message_2.csv"
    assert book.name == "ACME_2026-01-02_34200000_34320000_orderbook_2.csv"
    assert count == 2
    assert messages.read_text() == "34200.000000000,1,1,30,100000,1\n34261.000123000,1,2,5,100500,-1\n"
    assert book.read_text() == (
        "9999999999,0,100000,30,9999999999,0,-9999999999,0\n100500,5,100000,30,9999999999,0,-9999999999,0\n"
    )


def test_an_mbo_files_name_and_columns(tmp_path: Path) -> None:
    day = exported([buy(1, 10, 30, event_time=PREVIOUS_EVENING), cancel(1)])
    path, count = write_mbo(day, tmp_path, force=False)
    assert path.name == "tickhouse-20260102.mbo.ACME.csv"
    midnight, evening = day.midnight * 1_000, PREVIOUS_EVENING * 1_000
    number, snapshot = instrument_id("ACME"), SNAPSHOT_FLAG | 8
    lines = path.read_text().splitlines(keepends=True)
    assert count == len(lines) - 1 == 3
    assert lines[0] == HEADER
    assert lines[1:] == [
        f"{midnight},{midnight},160,0,{number},R,N,{2**63 - 1},0,0,0,{snapshot},0,0,ACME\n",
        f"{midnight},{evening},160,0,{number},A,B,10000000000,30,0,1,{snapshot | LAST_FLAG},0,1,ACME\n",
        f"{START * 1_000},{START * 1_000},160,0,{number},C,B,10000000000,30,0,1,128,0,2,ACME\n",
    ]
