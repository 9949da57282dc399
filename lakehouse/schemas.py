"""Iceberg schemas, derived from the contracts so that a table cannot drift from its topic.

Prices (1/10,000 dollar on the topics) become decimal(18,4), cash and sums decimal(38,4), microseconds timestamptz,
whole numbers long. A field that the contract lets be absent is optional, every other one required.
"""

from __future__ import annotations

import inspect
import types
from dataclasses import dataclass
from itertools import count
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from pyiceberg.schema import Schema
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DecimalType,
    DoubleType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    NestedField,
    StringType,
    StructType,
    TimestamptzType,
)

PRICE = DecimalType(18, 4)
CASH = DecimalType(38, 4)
CASH_FIELDS = frozenset({"cash", "cash_change", "turnover"})
PRICE_FIELDS = frozenset({"amount", "price", "tick_size", "open", "high", "low", "close", "vwap", "moving_average"})
TIME_FIELDS = frozenset({"begin", "end"})

DOCS = {
    "event_time": "The market's time, UTC",
    "sequence": "Counts the events of the topic's key (symbol or trader) from 1, without a gap",
    "last_sequence": "The symbol's sequence that this row is the state after",
    "price": "Dollars a share",
    "quantity": "Shares",
    "maker_order_id": "The order that stood on the book; absent where an auction traded",
    "taker_order_id": "The order that came in; absent where an auction traded",
    "buy_order_id": "The buyer's order, where an auction traded",
    "sell_order_id": "The seller's order, where an auction traded",
    "stop_price": "What a stop order waits for, in dollars a share",
    "display_quantity": "The part of an iceberg order that is shown at a time",
    "shown_quantity": "The part of quantity that others see; absent where all of it is",
    "expire_time": "When a gtd order ends, by the market's time, UTC",
    "post_only": "True where the order is refused rather than traded at once; absent otherwise",
    "orders": "How many orders a cancel_all took off",
    "halt": "halted by hand, or paused by the price bands; absent while neither",
    "limit_state": "At which price band the market stands; absent while at none",
    "band_reference_price": "What the price band is around; absent without one",
    "lower_band_price": "Nothing trades below it; absent without a price band",
    "upper_band_price": "Nothing trades above it; absent without a price band",
    "auction_price": "What the auction that just ended traded at",
    "auction_quantity": "Shares that the auction that just ended traded",
    "indicative_price": "What an auction would trade at if it ended now, while orders gather",
    "indicative_quantity": "Shares that it would trade",
    "action_id": "The operator's name for it",
    "ex_date": "The first trading date on which the share is without it",
    "numerator": "A split makes so many shares",
    "denominator": "of each so many",
    "amount": "What a dividend pays on a share, in dollars",
    "close_price": "The last price before it",
    "adjusted_price": "What that is worth afterwards, on the nearest tick",
    "trader_ids": "The accounts concerned",
    "order_ids": "The evidence: at most 50 orders",
    "begin": "Where the time spoken of begins, by the market's clock, UTC",
    "end": "Where it ends, UTC",
    "score": "The rule's measure",
    "threshold": "What the score is beyond",
    "intensity": "From 0, faint, to 1, blatant",
    "scenario": "What kind of market it was planted in",
    "kafka_partition": "Where the message was: the topic's partition",
    "kafka_offset": "Where the message was: the offset within the partition",
    "kafka_time": "When the message was written, by Kafka's clock",
}

KAFKA_COLUMNS: tuple[tuple[str, IcebergType], ...] = (
    ("kafka_partition", IntegerType()),
    ("kafka_offset", LongType()),
    ("kafka_time", TimestamptzType()),
)
"""What every row from a topic carries besides its item: it measures lag, and tells a message that came twice."""


@dataclass(frozen=True)
class Column:
    """A column before it has an id."""

    name: str
    type: Any
    optional: bool


def columns(item: Any) -> list[Column]:
    """The fields of a contract's struct, or of a union of them.

    A union's tag is a column of its own, first; a single struct's tag says the same on every row and is left out. A
    field is optional where any member may lack it. ValueError where two members disagree on a type.
    """
    members = members_of(item)
    found: dict[str, Column] = {}
    for struct in members:
        for field in struct_columns(struct):
            seen = found.get(field.name)
            if seen and base_type(seen.type) is not base_type(field.type):
                raise ValueError(f"{field.name} is {seen.type} in one event and {field.type} in another")
            found[field.name] = Column(field.name, field.type, field.optional or bool(seen and seen.optional))
    names = [{column.name for column in struct_columns(struct)} for struct in members]
    everywhere = set.intersection(*names)
    merged = [Column(c.name, c.type, c.optional or c.name not in everywhere) for c in found.values()]
    # `event_time` closes every event; a union's own fields come before it.
    merged.sort(key=lambda column: column.name == "event_time")
    tag = members[0].__struct_config__.tag_field
    return [Column(tag, str, False), *merged] if len(members) > 1 and tag else merged


def members_of(item: Any) -> tuple[type[msgspec.Struct], ...]:
    """The structs of a union, or the one."""
    return get_args(item) if get_origin(item) in (types.UnionType, Union) else (item,)


def struct_columns(struct: type[msgspec.Struct]) -> list[Column]:
    """The fields of one struct, without its tag."""
    hints = get_type_hints(struct, include_extras=True)
    result = []
    for field in msgspec.structs.fields(struct):
        hint, optional = without_none(hints[field.name])
        result.append(Column(field.name, hint, optional or not field.required))
    return result


def without_none(hint: Any) -> tuple[Any, bool]:
    """`int | None` -> (int, True); `int` -> (int, False)."""
    if get_origin(hint) in (types.UnionType, Union):
        kept = [member for member in get_args(hint) if member is not type(None)]
        if len(kept) == 1 and len(kept) < len(get_args(hint)):
            return kept[0], True
    return hint, False


def base_type(hint: Any) -> Any:
    """What a hint is without its limits: `Literal["a"]` is str, `Annotated[int, …]` is int."""
    origin = get_origin(hint)
    if origin is Literal:
        return type(get_args(hint)[0])
    if origin is Annotated:
        return base_type(get_args(hint)[0])
    return hint


def schema(item: Any, extra: tuple[tuple[str, IcebergType], ...] = ()) -> Schema:
    """The Iceberg schema of a topic's item; `extra` columns follow and are required."""
    ids = count(1)
    fields = []
    for column in columns(item):
        field_id = next(ids)
        field_type = iceberg_type(column.name, column.type, ids)
        of_structs = isinstance(field_type, ListType) and field_type.element_type.is_struct
        doc = None if of_structs else DOCS.get(column.name)
        fields.append(NestedField(field_id, column.name, field_type, not column.optional, doc))
    for name, field_type in extra:
        fields.append(NestedField(next(ids), name, field_type, True, DOCS.get(name)))
    return Schema(*fields)


def iceberg_type(name: str, hint: Any, ids: count[int]) -> IcebergType:
    """The Iceberg type of a field of this name and type; TypeError where a contract uses one not met before."""
    if get_origin(hint) is list:
        element_id = next(ids)
        (element,) = get_args(hint)
        of_structs = isinstance(element, type) and issubclass(element, msgspec.Struct)
        inner = struct_type(element, ids) if of_structs else iceberg_type(name, element, ids)
        return ListType(element_id, inner, element_required=True)
    base = base_type(hint)
    if base is int:
        return int_type(name)
    simple: dict[Any, IcebergType] = {
        str: StringType(),
        float: DoubleType(),
        bytes: BinaryType(),
        bool: BooleanType(),
    }
    if base not in simple:
        raise TypeError(f"no Iceberg type for {name}: {hint}")
    return simple[base]


def int_type(name: str) -> IcebergType:
    """Whole numbers on the topics are prices, cash, times, or counts and ids: the name tells which."""
    if name in CASH_FIELDS:
        return CASH
    if name in PRICE_FIELDS or name.endswith("_price"):
        return PRICE
    return TimestamptzType() if name in TIME_FIELDS or name.endswith("_time") else LongType()


def struct_type(struct: type[msgspec.Struct], ids: count[int]) -> StructType:
    """A struct within a list.

    SQL cannot scale the elements of a list in place: prices stay integers there, and their name says so.
    """
    fields = []
    for number, field in [(next(ids), field) for field in struct_columns(struct)]:
        name, field_type, doc = field.name, iceberg_type(field.name, field.type, ids), DOCS.get(field.name)
        if field_type == PRICE:
            name, field_type, doc = f"{name}_units", LongType(), "In 1/10,000 dollar"
        fields.append(NestedField(number, name, field_type, not field.optional, doc))
    return StructType(*fields)


def comment(item: Any) -> str:
    """A table's comment: the first line of its item's docstring."""
    members = members_of(item)
    if len(members) > 1:
        return "What became of orders: " + ", ".join(str(member.__struct_config__.tag) for member in members)
    return (inspect.getdoc(members[0]) or "").split("\n", 1)[0]
