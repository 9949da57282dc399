"""Tables are derived from the contracts; these are what readers rely on."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec import Struct
from pyiceberg.table.snapshots import Operation, Snapshot, Summary

from lakehouse.maintenance import RowsChangedError, check_rows, expire_before
from lakehouse.schemas import columns, comment, schema
from lakehouse.tables import REFERENCE_TABLES, TABLES, partitions
from streaming.contracts.events import OrderEvent, Trade

EXPECTED = {
    "trades": """sequence long, trade_id string, symbol string, price decimal(18, 4), quantity long,
        maker_order_id long?, taker_order_id long?, buy_order_id long?, sell_order_id long?, buyer_id long,
        seller_id long, aggressor_side string, event_time timestamptz, kafka_partition int, kafka_offset long,
        kafka_time timestamptz""",
    "order_events": """event string, sequence long?, order_id long?, trader_id long, symbol string, side string?,
        order_type string?, time_in_force string?, price decimal(18, 4)?, stop_price decimal(18, 4)?,
        display_quantity long?, quantity long?, expire_time timestamptz?, post_only boolean?,
        self_trade_prevention string?, reason string?, orders long?, event_time timestamptz, kafka_partition int,
        kafka_offset long, kafka_time timestamptz""",
    "market_status": """sequence long, symbol string, session string, trading_date string, halt string?,
        limit_state string?, reference_price decimal(18, 4)?, lower_price decimal(18, 4)?, upper_price decimal(18, 4)?,
        band_reference_price decimal(18, 4)?, lower_band_price decimal(18, 4)?, upper_band_price decimal(18, 4)?,
        auction_price decimal(18, 4)?, auction_quantity long?, event_time timestamptz, kafka_partition int,
        kafka_offset long, kafka_time timestamptz""",
    "corporate_actions": """sequence long, action_id string, symbol string, kind string, ex_date string, status string,
        reason string?, numerator long?, denominator long?, amount decimal(18, 4)?, close_price decimal(18, 4)?,
        adjusted_price decimal(18, 4)?, event_time timestamptz, kafka_partition int, kafka_offset long,
        kafka_time timestamptz""",
    "prices": """symbol string, last_sequence long, last_price decimal(18, 4)?, bid_price decimal(18, 4)?,
        bid_quantity long?, ask_price decimal(18, 4)?, ask_quantity long?, indicative_price decimal(18, 4)?,
        indicative_quantity long?, volume long, event_time timestamptz, kafka_partition int, kafka_offset long,
        kafka_time timestamptz""",
    "portfolio_updates": """sequence long, trader_id long, entry_id string, trade_id string?, symbol string?,
        cash_change decimal(38, 4), quantity_change long, cash decimal(38, 4), position long, event_time timestamptz,
        kafka_partition int, kafka_offset long, kafka_time timestamptz""",
    "bars_1m": """symbol string, open decimal(18, 4), high decimal(18, 4), low decimal(18, 4), close decimal(18, 4),
        volume long, trades long, turnover decimal(38, 4), vwap decimal(18, 4), first_sequence long, last_sequence long,
        moving_average decimal(18, 4), log_return double?, volatility double?, event_time timestamptz""",
    "traders": """trader_id long, name string, email string, kind string, risk_profile string, cash decimal(38, 4),
        shares long""",
}
BY_NAME = {table.name: table for table in (*TABLES, *REFERENCE_TABLES)}


@pytest.mark.parametrize("name", EXPECTED)
def test_columns_and_types(name: str) -> None:
    fields = BY_NAME[name].schema.fields
    found = ", ".join(f"{field.name} {field.field_type}{'' if field.required else '?'}" for field in fields)
    assert found == " ".join(EXPECTED[name].split())


def test_prices_within_a_list_stay_integers_and_say_so() -> None:
    orders = BY_NAME["book_snapshots"].schema.find_field("orders").field_type
    assert "price_units: required long (In 1/10,000 dollar)" in str(orders)
    assert "shown_quantity: optional long" in str(orders)


def test_a_field_that_a_contract_lets_be_left_out_is_optional_also_without_none() -> None:
    class Flagged(Struct, kw_only=True):
        flag: bool = False
        number: int

    assert [(column.name, column.optional) for column in columns(Flagged)] == [("flag", True), ("number", False)]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_day_of_market_time_is_a_partition(table: Any) -> None:
    (spec,) = partitions(table.schema).fields
    assert (spec.name, str(spec.transform)) == ("event_time_day", "day")
    assert spec.source_id == table.schema.find_field("event_time").field_id
    assert all(table.schema.find_field(name) for name in table.sort)


def test_two_events_may_not_disagree_on_a_type() -> None:
    class One(Struct):
        a: int

    class Two(Struct):
        a: str

    with pytest.raises(ValueError, match="a is"):
        columns(One | Two)


def test_a_type_met_for_the_first_time_is_an_error() -> None:
    class Odd(Struct):
        a: complex

    with pytest.raises(TypeError, match="a"):
        schema(Odd)


def test_comments_come_from_the_contracts() -> None:
    assert comment(Trade).startswith("One match. `trade_id` is")
    told = "accepted, rejected, replaced, triggered, cancelled, mass_cancelled, expired"
    assert comment(OrderEvent) == f"What became of orders: {told}"


def table(*snapshots: Snapshot) -> Any:
    return cast("Any", SimpleNamespace(snapshots=lambda: list(snapshots), name=lambda: ("market", "trades")))


def snapshot(number: int, operation: Operation, **summary: str) -> Snapshot:
    properties = {key.replace("_", "-", 1) if "flink" not in key else "flink.job-id": v for key, v in summary.items()}
    return Snapshot(
        snapshot_id=number, sequence_number=number, timestamp_ms=number * 1000, manifest_list="",
        summary=Summary(operation, **properties),
    )  # fmt: skip


def test_a_rewrite_that_loses_rows_is_noticed() -> None:
    before = table(snapshot(1, Operation.APPEND, added_records="5"))
    check_rows(before, table(snapshot(2, Operation.REPLACE, added_records="5", deleted_records="5")))
    with pytest.raises(RowsChangedError, match="took 5 rows and put back 4"):
        check_rows(before, table(snapshot(2, Operation.REPLACE, added_records="4", deleted_records="5")))


def test_what_flink_committed_last_does_not_expire() -> None:
    flink = snapshot(10, Operation.APPEND, flink_job="x")
    spark = snapshot(20, Operation.REPLACE)
    later, earlier = datetime.fromtimestamp(30, UTC), datetime.fromtimestamp(5, UTC)
    assert expire_before(table(flink, spark), later) == datetime.fromtimestamp(10, UTC)
    assert expire_before(table(flink, spark), earlier) == earlier
    assert expire_before(table(spark), later) == later
