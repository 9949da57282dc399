"""`tickhouse export`, as a person calls it, and where it takes a day's events from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from msgspec.structs import asdict
from pyiceberg.catalog.sql import SqlCatalog
from typer.testing import CliRunner, Result

from lakehouse.exports import sources
from lakehouse.exports.days import Day, ExportError
from lakehouse.exports.sources import day_from_catalog, day_from_files
from lakehouse.tables import TABLES
from stack.cli import app
from streaming.contracts.codec import encode_line
from streaming.contracts.commands import DefineInstrument, NewOrder, SetSession
from streaming.contracts.events import BookEvent, MarketStatus, Trade
from streaming.contracts.settings import settings
from streaming.matching.exchange import SymbolMarket
from tests import matching_streams
from tests.unit.exports.rebuilding import FIRST_DAY, run

SECOND_DAY = FIRST_DAY + dt.timedelta(days=1)
TABLE_OF = {Trade: "trades", MarketStatus: "market_status"}


@pytest.fixture(scope="module")
def two_days() -> list[BookEvent]:
    events = run(SymbolMarket("ACME"), matching_streams.Day("ACME", 1).commands(1_500, days=2))
    return [event for event in events if event.sequence is not None]


@pytest.fixture(scope="module")
def day_orders() -> list[BookEvent]:
    """Two days on which every order ends at the close."""
    commands: list[Any] = []
    for number in range(2):
        at, date = matching_streams.START + number * matching_streams.DAY, str(FIRST_DAY + dt.timedelta(days=number))
        if not number:
            commands.append(
                DefineInstrument(
                    symbol="ACME", tick_size=100, lot_size=1, max_quantity=100, collar_bps=100, event_time=at
                )
            )
        fields: dict[str, Any] = {"symbol": "ACME", "trading_date": date}
        commands.append(SetSession(session="continuous", reference_price=1_000_000, event_time=at, **fields))
        for order in range(1, 6):
            fresh: dict[str, Any] = {"order_id": 10 * number + order, "trader_id": order, "symbol": "ACME"}
            kind: dict[str, Any] = {"order_type": "limit", "time_in_force": "day", "price": 1_000_000 + 100 * order}
            side = "buy" if order < 3 else "sell"
            commands.append(NewOrder(side=side, quantity=order, event_time=at + order, **fresh, **kind))
        commands.append(SetSession(session="closed", event_time=at + matching_streams.SECOND, **fields))
    return run(SymbolMarket("ACME"), commands)


def write(path: Path, events: Sequence[BookEvent]) -> Path:
    path.write_bytes(b"".join(map(encode_line, events)))
    return path


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["export", *map(str, words)])


def same(one: Day, other: Day) -> bool:
    return (one.opening, one.updates, one.first, one.last) == (other.opening, other.updates, other.first, other.last)


# Files


def test_both_exports_from_a_file(tmp_path: Path, two_days: list[BookEvent]) -> None:
    file, out = write(tmp_path / "events.jsonl", two_days), tmp_path / "out"
    lobster = call("lobster", "acme", SECOND_DAY, "--levels", 3, "--events", file, "--out", out)
    mbo = call("mbo", "ACME", SECOND_DAY, "--events", file, "--out", out)
    assert (lobster.exit_code, mbo.exit_code) == (0, 0), lobster.output + mbo.output
    written = sorted(path.name for path in out.iterdir())
    assert written[:2] == [name for name in written if name.startswith("ACME_2026-01-03_34200000_")]
    assert written[2:] == ["tickhouse-20260103.mbo.ACME.csv"]
    assert set(lobster.stdout.split()) == {str(out / name) for name in written[:2]}


def test_files_in_any_order_and_folders_are_one_feed(tmp_path: Path, two_days: list[BookEvent]) -> None:
    whole = day_from_files([write(tmp_path / "all.jsonl", two_days)], "ACME", SECOND_DAY)
    folder = tmp_path / "run"
    folder.mkdir()
    write(folder / "2026-01-03.events.jsonl", two_days[500:])
    first = write(tmp_path / "first.jsonl", two_days[:500])
    assert same(day_from_files([folder, first], "ACME", SECOND_DAY), whole)


def test_other_symbols_in_the_file_do_not_matter(tmp_path: Path, two_days: list[BookEvent]) -> None:
    other = run(SymbolMarket("ACMEX", bare=True), matching_streams.Day("ACMEX", 1).commands(50))
    both = [event for pair in zip(two_days, other, strict=False) for event in pair] + two_days[len(other) :]
    whole = day_from_files([write(tmp_path / "one.jsonl", two_days)], "ACME", SECOND_DAY)
    assert same(day_from_files([write(tmp_path / "both.jsonl", both)], "ACME", SECOND_DAY), whole)


def test_missing_events_are_named_and_nothing_is_written(tmp_path: Path, two_days: list[BookEvent]) -> None:
    holed = [event for event in two_days if event.sequence not in (7, 20, 21, 22)]
    result = call("mbo", "ACME", SECOND_DAY, "--events", write(tmp_path / "e.jsonl", holed), "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "sequence 7, 20 to 22" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_missing_beginning_is_said(tmp_path: Path, two_days: list[BookEvent]) -> None:
    result = call("mbo", "ACME", SECOND_DAY, "--events", write(tmp_path / "e.jsonl", two_days[9:]))
    assert result.exit_code == 1
    assert "ACME begins with sequence 10" in result.stderr


def test_a_missing_end_is_seen_by_the_orders_that_the_close_must_end(
    tmp_path: Path, day_orders: list[BookEvent]
) -> None:
    file = write(tmp_path / "e.jsonl", day_orders[:-1])
    result = call("mbo", "ACME", SECOND_DAY, "--events", file)
    assert result.exit_code == 1
    assert f"1 orders of the day have not ended: events after sequence {day_orders[-2].sequence}" in result.stderr


def test_events_that_contradict_each_other(tmp_path: Path, two_days: list[BookEvent]) -> None:
    twice = [*two_days, two_days[30]]
    result = call("lobster", "ACME", SECOND_DAY, "--events", write(tmp_path / "e.jsonl", twice))
    assert (result.exit_code, "sequence 31 comes twice" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("symbol", "date", "words"),
    [
        ("NONE", "2026-01-02", "unknown symbol NONE"),
        ("ACME", "2026-01-09", "ACME has no events on 2026-01-09"),
        ("ACME", "2025-12-31", "ACME has no events on 2025-12-31"),
        ("ACME", "yesterday", "yesterday is no date"),
    ],
)
def test_nothing_to_export(tmp_path: Path, two_days: list[BookEvent], symbol: str, date: str, words: str) -> None:
    result = call("lobster", symbol, date, "--events", write(tmp_path / "e.jsonl", two_days), "--out", tmp_path)
    assert result.exit_code == 1
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_file_that_is_not_there_or_not_of_events(tmp_path: Path) -> None:
    result = call("mbo", "ACME", FIRST_DAY, "--events", tmp_path / "none.jsonl")
    assert (result.exit_code, "cannot read" in result.stderr) == (1, True)
    (tmp_path / "bad.jsonl").write_text('\n{"event":"dance","symbol":"ACME"}\n')
    result = call("mbo", "ACME", FIRST_DAY, "--events", tmp_path / "bad.jsonl")
    assert (result.exit_code, "bad.jsonl:2: not an event" in result.stderr) == (1, True)


def test_a_file_that_is_there_is_kept_unless_forced(tmp_path: Path, two_days: list[BookEvent]) -> None:
    words = ("mbo", "ACME", FIRST_DAY, "--events", write(tmp_path / "e.jsonl", two_days), "--out", tmp_path)
    assert call(*words).exit_code == 0
    target = tmp_path / "tickhouse-20260102.mbo.ACME.csv"
    content = target.read_text()
    target.write_text("mine")
    result = call(*words)
    assert (result.exit_code, target.read_text()) == (1, "mine")
    assert "--force" in result.stderr
    assert call(*words, "--force").exit_code == 0
    assert target.read_text() == content
    assert not list(tmp_path.glob("*.partial"))


# The lake


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[SqlCatalog]:
    """The platform's tables, in a catalog of SQLite."""
    catalog = SqlCatalog("lake", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}/warehouse")
    for definition in TABLES:
        catalog.create_namespace_if_not_exists(definition.identifier.split(".")[0])
        catalog.create_table(definition.identifier, definition.schema)  # PyIceberg cannot write to partitions by itself
    yield catalog
    catalog.close()


def append(lake: SqlCatalog, events: Sequence[BookEvent]) -> None:
    """Put events where the streams would."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        row = asdict(event) | {"event": event.__struct_config__.tag}
        tables.setdefault(TABLE_OF.get(type(event), "order_events"), []).append(row)
    for name, rows in tables.items():
        table = lake.load_table(f"market.{name}")
        schema = table.schema().as_arrow()
        cells = [{field.name: cell(field, row.get(field.name)) for field in schema} for row in rows]
        table.append(pa.Table.from_pylist(cells, schema=schema))


def cell(field: pa.Field, value: Any) -> Any:
    """What a table holds for a value of an event."""
    if field.name.startswith("kafka"):
        return dt.datetime.now(dt.UTC) if pa.types.is_timestamp(field.type) else 0
    if value is None or (field.name == "post_only" and not value):
        return None
    return Decimal(value) / 10_000 if pa.types.is_decimal(field.type) else value


def test_the_lake_and_a_file_give_the_same_day(tmp_path: Path, lake: SqlCatalog, two_days: list[BookEvent]) -> None:
    append(lake, two_days[:600])
    append(lake, two_days[600:])
    file = write(tmp_path / "e.jsonl", two_days)
    for date in (FIRST_DAY, SECOND_DAY):
        assert same(day_from_catalog(lake, "ACME", date), day_from_files([file], "ACME", date))


def test_where_nothing_can_stand_from_before_only_the_day_is_read(
    tmp_path: Path, lake: SqlCatalog, day_orders: list[BookEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    append(lake, day_orders)
    read: list[BookEvent] = []
    make_day = sources.make_day

    def noted(symbol: str, date: dt.date, events: list[BookEvent], *, settled: bool) -> Day:
        read.extend(events)
        return make_day(symbol, date, events, settled=settled)

    monkeypatch.setattr(sources, "make_day", noted)
    found = day_from_catalog(lake, "ACME", SECOND_DAY)
    monkeypatch.undo()
    assert same(found, day_from_files([write(tmp_path / "e.jsonl", day_orders)], "ACME", SECOND_DAY))
    closed = next(event for event in read if isinstance(event, MarketStatus))
    assert (read[0], closed.session) == (closed, "closed"), "it begins with the close of the day before"
    assert len(read) < len(day_orders)


def test_a_gap_in_the_lake_is_named(lake: SqlCatalog, day_orders: list[BookEvent]) -> None:
    append(lake, [event for event in day_orders if event.sequence != day_orders[-4].sequence])
    with pytest.raises(ExportError, match=f"sequence {day_orders[-4].sequence}$"):
        day_from_catalog(lake, "ACME", SECOND_DAY)


@pytest.mark.parametrize(
    ("symbol", "date", "words"),
    [
        ("BLUE", FIRST_DAY, "unknown symbol BLUE"),
        ("x' OR ''='", FIRST_DAY, "cannot be a symbol"),
        ("ACME", dt.date(2026, 2, 1), "ACME has no events on 2026-02-01"),
    ],
)
def test_nothing_of_that_in_the_lake(
    lake: SqlCatalog, day_orders: list[BookEvent], symbol: str, date: dt.date, words: str
) -> None:
    append(lake, day_orders)
    with pytest.raises(ExportError, match=words):
        day_from_catalog(lake, symbol, date)


def test_without_a_stack_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKHOUSE_HOME", str(tmp_path))
    monkeypatch.setenv("TICKHOUSE_PORT_OFFSET", "40000")
    settings.cache_clear()
    try:
        result = call("lobster", "ACME", FIRST_DAY)
    finally:
        settings.cache_clear()
    assert result.exit_code == 1
    assert result.stderr == "The lake's catalog does not answer: start PostgreSQL with `tickhouse up postgres`\n"
