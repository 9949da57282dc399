"""Conditions on a table's rows, with values that are bound, never pasted into text."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

from pyiceberg.expressions import (
    AlwaysTrue,
    And,
    BooleanExpression,
    EqualTo,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    LessThan,
    LessThanOrEqual,
)

KINDS: dict[str, Any] = {
    "=": EqualTo,
    ">": GreaterThan,
    ">=": GreaterThanOrEqual,
    "<": LessThan,
    "<=": LessThanOrEqual,
}


def compared(column: str, sign: str, value: str | int) -> BooleanExpression:
    """`column sign value`; a time is in microseconds since the Unix epoch."""
    found: BooleanExpression = KINDS[sign](column, value)
    return found


def among(column: str, values: Iterable[int]) -> BooleanExpression:
    """Whether a column has one of the values."""
    kind: Any = In
    found: BooleanExpression = kind(column, set(values))
    return found


def all_of(*conditions: BooleanExpression) -> BooleanExpression:
    """All conditions together."""
    everything: BooleanExpression = AlwaysTrue()
    return reduce(And, conditions, everything)
