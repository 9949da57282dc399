"""A tag for each trading day that is over and proven: the snapshot that reports of the day read, now and later.

`select … from market.trades for version as of 'day-2026-01-05'` (Trino), `version as of 'day-2026-01-05'` (Spark).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta

from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from lakehouse.progress import opened
from lakehouse.tables import TABLES
from streaming.contracts.settings import Settings

KEEP = timedelta(days=90)
"""How long a tag holds its snapshot; then expiry lets both go."""

Closings = Mapping[str, Mapping[str, int]]
"""By trading day and symbol, the sequence of the day's end."""


def tag_days(settings: Settings, proven: Mapping[str, int]) -> dict[str, list[str]]:
    """Tag every day of which all is proven in every streamed table that has no such tag; the new tags by table.

    `proven` is the last sequence of each symbol up to which the stores were found to agree.
    """
    made = {}
    with opened(settings) as lake:
        days = complete_days(*closings(lake.load_table("market.market_status")), proven)
        for definition in TABLES:
            made[definition.identifier] = tag(lake.load_table(definition.identifier), days)
    return made


def closings(table: Table) -> tuple[Closings, dict[str, set[str]]]:
    """The sequence at which each symbol closed, by day; and the symbols that the day was opened for."""
    names = ("trading_date", "symbol", "session", "sequence")
    rows = table.scan("session = 'closed'", selected_fields=names).to_arrow().to_pylist()
    closed: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        of_day = closed[row["trading_date"]]
        of_day[row["symbol"]] = max(row["sequence"], of_day.get(row["symbol"], 0))
    opened_for: dict[str, set[str]] = defaultdict(set)
    for row in table.scan(selected_fields=names[:2]).to_arrow().group_by(list(names[:2])).aggregate([]).to_pylist():
        opened_for[row["trading_date"]].add(row["symbol"])
    return closed, opened_for


def complete_days(closed: Closings, opened_for: Mapping[str, set[str]], proven: Mapping[str, int]) -> list[str]:
    """The days that closed for every symbol that they were opened for, at or below what is proven."""
    return sorted(
        day
        for day, symbols in opened_for.items()
        if all(0 < closed.get(day, {}).get(symbol, 0) <= proven.get(symbol, 0) for symbol in symbols)
    )


@retry(
    retry=retry_if_exception_type(CommitFailedException),  # a stream committed first
    stop=stop_after_attempt(5),
    wait=wait_random(0, 1),
    reraise=True,
)
def tag(table: Table, days: Iterable[str]) -> list[str]:
    """Give the table's newest snapshot the tags of these days that it has none of; a table never written gets none."""
    current = table.refresh().current_snapshot()
    names = [name for day in days if (name := f"day-{day}") not in table.refs()]
    if current is None or not names:
        return []
    with table.manage_snapshots() as change:
        for name in names:
            change.create_tag(current.snapshot_id, name, max_ref_age_ms=int(KEEP.total_seconds() * 1000))
    return names
