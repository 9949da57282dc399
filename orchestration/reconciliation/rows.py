"""One form for the rows of every store: Arrow tables with a contract's fields, as whole numbers, strings, booleans."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.schemas import base_type, columns

PLACE = ("kafka_partition", "kafka_offset")
COUNTS = pa.schema([*((name, pa.int64()) for name in PLACE), ("items", pa.int64())])
"""How many items each message of a topic has."""
SAMPLE = 1000
"""How many differences are told in words, row by row."""


def fields(item: Any) -> pa.Schema:
    """The Arrow schema of a topic's items: int64, string and boolean."""
    kinds = {int: pa.int64(), str: pa.string(), bool: pa.bool_()}
    return pa.schema([(column.name, kinds[base_type(column.type)]) for column in columns(item)])


def with_place(schema: pa.Schema) -> pa.Schema:
    """The schema with the message's place in Kafka beside it."""
    return pa.schema([*schema, *((name, pa.int64()) for name in PLACE)])


def largest(table: pa.Table, key: str, value: str) -> dict[Any, int]:
    """The largest `value` of each `key`; nulls left out."""
    found = table.group_by(key).aggregate([(value, "max")])
    pairs = zip(found[key].to_pylist(), found[f"{value}_max"].to_pylist(), strict=True)
    return {name: number for name, number in pairs if number is not None}


def bounds(table: pa.Table, key: str, limits: dict[Any, int], otherwise: int) -> pa.Array:
    """For each row, the limit of its key."""
    kind = table.schema.field(key).type
    names = pa.array(list(limits), kind)
    numbers = pa.array([*limits.values(), otherwise], pa.int64())
    place = pc.fill_null(pc.index_in(table[key], names), len(limits))
    return pc.take(numbers, place)


def up_to(table: pa.Table, key: str, value: str, limits: dict[Any, int], otherwise: int = 2**62) -> pa.Table:
    """The rows whose `value` is at or below the limit of their key; `otherwise` is the limit of an unknown key."""
    return table.filter(pc.less_equal(table[value], bounds(table, key, limits, otherwise)))


def beyond(table: pa.Table, key: str, value: str, limits: dict[Any, int]) -> pa.Table:
    """The rows whose `value` is at or above the limit of their key."""
    return table.filter(pc.greater_equal(table[value], bounds(table, key, limits, 0)))


def differences(left: pa.Table, right: pa.Table, key: list[str], names: tuple[str, str]) -> tuple[int, list[str]]:
    """How many rows are in one table only, or differ in a field, or come twice; and some of them in words.

    Both tables have the same columns. A row that differs counts once.
    """
    order = [(name, "ascending") for name in key]
    left, right = left.sort_by(order), right.sort_by(order)
    if left.equals(right):
        return 0, []
    said: list[str] = []
    keys: set[tuple[Any, ...]] = set()
    extra = 0
    for one, other, name, without in ((left, right, *names), (right, left, *names[::-1])):
        for row in only_in(one, other):
            keys.add(tuple(row[column] for column in key))
            if len(said) < SAMPLE:
                said.append(f"{name} has {_words(row)}, {without} does not")
        for row in _repeated(one, key):
            extra += row["repeats"] - 1
            if len(said) < 2 * SAMPLE:
                said.append(f"{name} has {', '.join(str(row[column]) for column in key)} {row['repeats']} times")
    return max(1, len(keys) + extra), said


def only_in(left: pa.Table, right: pa.Table) -> list[dict[str, Any]]:
    """The rows of `left` that `right` has none exactly like."""
    found = _without_nulls(left).join(_without_nulls(right), keys=left.column_names, join_type="left anti")
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def _repeated(table: pa.Table, key: list[str]) -> list[dict[str, Any]]:
    counts = table.group_by(key).aggregate([([], "count_all")]).rename_columns([*key, "repeats"])
    rows: list[dict[str, Any]] = counts.filter(pc.greater(counts["repeats"], 1)).to_pylist()
    return rows


_NONE = {pa.int64(): -(2**63), pa.string(): ""}


def _without_nulls(table: pa.Table) -> pa.Table:
    """A join never matches null with null, so nulls are given a value that the data cannot have."""
    columns = {}
    for column in table.schema:
        values = table[column.name]
        if pa.types.is_boolean(column.type):
            values = values.cast(pa.string())
        columns[column.name] = pc.fill_null(values, _NONE[values.type])
    return pa.table(columns)


def _words(row: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in row.items() if value not in _NONE.values())
