"""What a table is measured to need; and how it follows a contract that gets a new field."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from msgspec import Struct
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.table import Table
from pyiceberg.table.statistics import StatisticsFile
from pyiceberg.transforms import IdentityTransform

from lakehouse.health import Health, measure
from lakehouse.schemas import schema
from lakehouse.tables import SchemaConflictError, evolve
from lakehouse.tags import complete_days, tag

DAY = datetime(2026, 1, 5, 15, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)
EARLIER = datetime(2000, 1, 1, tzinfo=UTC)


class Deal(Struct, kw_only=True):
    """What is kept."""

    symbol: str
    quantity: int
    event_time: int


class DealWithVenue(Struct, kw_only=True):
    """The same with an optional field in the middle."""

    symbol: str
    venue: str | None = None
    quantity: int
    event_time: int


class DealWithClient(Deal, kw_only=True):
    """The same with a field that every row must have."""

    client: str


class DealOfText(Struct, kw_only=True):
    """The same with a quantity of another type."""

    symbol: str
    quantity: str
    event_time: int


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    lake = SqlCatalog("lake", uri=f"sqlite:///{tmp_path}/lake.db", warehouse=f"file://{tmp_path}/warehouse")
    lake.create_namespace("market")
    # By the moment instead of its day: PyIceberg writes no partitions of days here, Flink and Spark do.
    source = schema(Deal).find_field("event_time").field_id
    by_time = PartitionSpec(PartitionField(source, 1000, IdentityTransform(), "event_time"))
    yield lake.create_table("market.deals", schema(Deal), partition_spec=by_time)
    lake.close()


def add(table: Table, *days: int, **more: Any) -> None:
    """One commit with a row on each of these days."""
    rows = [{"symbol": "ACME", "quantity": 1, "event_time": DAY + timedelta(days=day), **more} for day in days]
    table.append(pa.Table.from_pylist(rows, schema_to_pyarrow(table.schema(), include_field_ids=False)))


def test_a_table_never_written_needs_nothing(table: Table) -> None:
    assert measure(table, LATER, LATER) == Health()
    assert Health().needs == []


def test_a_file_for_each_day_is_well_and_two_of_one_day_are_pieces(table: Table) -> None:
    add(table, 0, 1)
    assert (measure(table, EARLIER, EARLIER).days_in_pieces, measure(table, EARLIER, EARLIER).files) == (0, 2)
    add(table, 1)
    found = measure(table, EARLIER, EARLIER)
    assert (found.days_in_pieces, found.files, found.rows, found.scattered) == (1, 3, 3, True)
    assert found.mean_bytes == found.bytes // 3 > 0
    assert "days in pieces: 1" in found.needs


def test_deleted_rows_count_from_a_third_on() -> None:
    assert (Health(rows=100, delete_ratio=0.29).scattered, Health(rows=100, delete_ratio=0.3).scattered) == (
        False,
        True,
    )


def test_old_snapshots_expire_unless_a_branch_or_a_tag_holds_them(table: Table) -> None:
    for _ in range(3):
        add(table, 0)
    assert (measure(table, LATER, EARLIER).expirable, measure(table, EARLIER, EARLIER).expirable) == (2, 0)
    table.manage_snapshots().create_tag(table.snapshots()[0].snapshot_id, "day-2026-01-05").commit()
    assert measure(table, LATER, EARLIER).expirable == 1


def test_orphans_are_looked_for_where_a_file_is_old_enough(table: Table) -> None:
    add(table, 0)
    assert measure(table, EARLIER, EARLIER).aged == 0
    assert measure(table, EARLIER, LATER).aged > 0


def test_statistics_are_made_anew_when_the_table_has_grown_by_a_tenth(table: Table) -> None:
    add(table, *[0] * 20)
    assert "statistics" in measure(table, EARLIER, EARLIER).needs
    snapshot = table.current_snapshot()
    assert snapshot
    counted = StatisticsFile(
        snapshot_id=snapshot.snapshot_id, statistics_path="file:/none", file_size_in_bytes=1,
        file_footer_size_in_bytes=1, blob_metadata=[],
    )  # fmt: skip
    table.update_statistics().set_statistics(counted).commit()
    add(table, 0)
    assert "statistics" not in measure(table, EARLIER, EARLIER).needs
    add(table, 0)
    assert "statistics" in measure(table, EARLIER, EARLIER).needs


def test_an_optional_field_of_the_contract_becomes_a_column_where_the_contract_has_it(table: Table) -> None:
    add(table, 0)
    assert evolve(table, schema(DealWithVenue)) == ["venue"]
    assert table.schema().column_names == ["symbol", "venue", "quantity", "event_time"]
    add(table, 1, venue="X")
    assert sorted(table.scan().to_arrow()["venue"].to_pylist(), key=lambda venue: venue or "") == [None, "X"]


def test_a_table_that_has_all_its_contract_asks_for_is_not_touched(table: Table) -> None:
    evolve(table, schema(DealWithVenue))
    before = table.metadata_location
    assert evolve(table, schema(DealWithVenue)) == []
    assert evolve(table, schema(Deal)) == []  # an older program: what only the table has stays
    assert table.refresh().metadata_location == before


@pytest.mark.parametrize("later", [DealWithClient, DealOfText])
def test_what_rows_already_written_cannot_follow_is_refused_in_one_sentence(table: Table, later: Any) -> None:
    with pytest.raises(SchemaConflictError, match=r"market\.deals cannot follow its contract: .*new name"):
        evolve(table, schema(later))


def test_a_day_is_tagged_once_and_its_snapshot_stays_what_it_was(table: Table) -> None:
    assert tag(table, ["2026-01-05"]) == []  # nothing was ever written
    add(table, 0)
    assert tag(table, ["2026-01-05"]) == ["day-2026-01-05"]
    add(table, 1)
    assert tag(table, ["2026-01-05", "2026-01-06"]) == ["day-2026-01-06"]
    held = table.refs()["day-2026-01-05"]
    assert held.max_ref_age_ms == 90 * 24 * 3600 * 1000
    assert [table.scan(snapshot_id=table.refs()[f"day-2026-01-0{day}"].snapshot_id).count() for day in (5, 6)] == [1, 2]


@pytest.mark.parametrize(
    ("closed", "proven", "days"),
    [
        ({"ACME": 10, "BLUE": 7}, {"ACME": 10, "BLUE": 9}, ["2026-01-05"]),
        ({"ACME": 10, "BLUE": 7}, {"ACME": 9, "BLUE": 9}, []),
        ({"ACME": 10}, {"ACME": 99, "BLUE": 99}, []),
        ({"ACME": 10, "BLUE": 7}, {"ACME": 10}, []),
    ],
    ids=["over and proven", "not proven to its end", "a symbol is still open", "a symbol was never compared"],
)
def test_a_day_is_complete_when_every_symbol_closed_and_a_reconciliation_went_that_far(
    closed: dict[str, int], proven: dict[str, int], days: list[str]
) -> None:
    opened_for = {"2026-01-05": {"ACME", "BLUE"}, "2026-01-06": {"ACME"}}
    assert complete_days({"2026-01-05": closed}, opened_for, proven) == days
