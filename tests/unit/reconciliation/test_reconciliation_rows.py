"""Comparing two tables: equal, missing, changed, twice."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.reconciliation.checks import sequence_faults
from orchestration.reconciliation.iceberg_rows import whole
from orchestration.reconciliation.rows import differences, fields, largest, up_to
from streaming.contracts.topics import ORDER_EVENTS, TRADES

SCHEMA = pa.schema([("symbol", pa.string()), ("sequence", pa.int64()), ("price", pa.int64())])
Row = tuple[str, int, int | None]


def table(*rows: Row) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)


def count(left: pa.Table, right: pa.Table) -> int:
    return differences(left, right, ["symbol", "sequence"], ("left", "right"))[0]


ROWS: list[Row] = [("ACME", 1, 10), ("ACME", 2, None), ("BLUE", 1, 30)]


def test_order_does_not_matter() -> None:
    assert count(table(*ROWS), table(*ROWS[::-1])) == 0


def test_a_missing_row_is_one_difference_whichever_side_lacks_it() -> None:
    assert count(table(*ROWS), table(*ROWS[1:])) == count(table(*ROWS[1:]), table(*ROWS)) == 1


def test_a_changed_field_is_one_difference_and_said_in_words() -> None:
    changed = table(("ACME", 1, 11), *ROWS[1:])
    found, said = differences(table(*ROWS), changed, ["symbol", "sequence"], ("Kafka", "Iceberg"))
    assert found == 1
    assert said == [
        "Kafka has symbol=ACME sequence=1 price=10, Iceberg does not",
        "Iceberg has symbol=ACME sequence=1 price=11, Kafka does not",
    ]


def test_absent_is_not_zero() -> None:
    assert count(table(("ACME", 1, None)), table(("ACME", 1, 0))) == 1


def test_a_row_that_comes_twice_is_a_difference() -> None:
    found, said = differences(table(*ROWS, ROWS[0]), table(*ROWS), ["symbol", "sequence"], ("Kafka", "Iceberg"))
    assert (found, said) == (1, ["Kafka has ACME, 1 2 times"])


@given(st.sets(st.tuples(st.sampled_from(["A", "B"]), st.integers(1, 9))), st.data())
def test_as_many_differences_as_rows_were_touched(keys: set[tuple[str, int]], data: st.DataObject) -> None:
    rows: list[Row] = [(*key, 1) for key in sorted(keys)]
    fates = [data.draw(st.sampled_from(["keep", "drop", "change"])) for _ in rows]
    other: list[Row] = [
        (row[0], row[1], 2 if fate == "change" else 1) for row, fate in zip(rows, fates, strict=True) if fate != "drop"
    ]
    assert count(table(*rows), table(*other)) == len(rows) - fates.count("keep")


def test_a_cut_keeps_what_is_at_or_below_it_and_every_unknown_key() -> None:
    kept = up_to(table(*ROWS, ("CRUX", 99, 1)), "symbol", "sequence", {"ACME": 1, "BLUE": 0})
    assert kept.select(["symbol", "sequence"]).to_pylist() == [
        {"symbol": "ACME", "sequence": 1},
        {"symbol": "CRUX", "sequence": 99},
    ]


def test_the_largest_of_each_key() -> None:
    assert largest(table(*ROWS), "symbol", "sequence") == {"ACME": 2, "BLUE": 1}


@pytest.mark.parametrize(
    ("numbers", "last", "faults"),
    [
        ([1, 2, 3], 3, []),
        ([], 0, []),
        ([], 2, [1, 2]),
        ([3, 1], 3, [2]),
        ([1, 2, 2], 2, [2]),
        ([1, 2], 3, [3]),
        ([0, 1], 1, [0]),
    ],
)
def test_sequences_count_from_one_without_a_gap(numbers: list[int], last: int, faults: list[int]) -> None:
    assert sequence_faults(pa.array(numbers, pa.int64()).to_numpy(), last) == faults


def test_decimals_become_whole_units_exactly() -> None:
    prices = pa.chunked_array([pa.array([Decimal("100.0500"), None, Decimal("-0.0001")], pa.decimal128(18, 4))])
    assert whole(prices, pa.int64()).to_pylist() == [1_000_500, None, -1]
    widest = pa.chunked_array([pa.array([Decimal(2**62).scaleb(-4)], pa.decimal128(38, 4))])
    assert whole(widest, pa.int64()).to_pylist() == [2**62]


def test_rows_carry_every_field_of_the_contract() -> None:
    assert set(fields(TRADES.item).names) == set(TRADES.item.__struct_fields__)
    assert fields(ORDER_EVENTS.item).names[0] == "event"
