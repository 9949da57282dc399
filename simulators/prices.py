"""Values that follow a file of real prices, CSV or Parquet, instead of the factor model.

Every mistake in the file is one message with the file and the line (the row, in Parquet; the heading is line 1),
before anything starts.
"""

from __future__ import annotations

import datetime as dt
import math
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import csv, parquet

from simulators.calendar import first_place
from simulators.errors import SettingsError

if TYPE_CHECKING:
    from simulators.population import Prices

LONGEST_GAP = 7
"""Days that may lie between two rows: a long weekend, and no more."""


def read_closes(settings: Prices, folder: Path) -> dict[str, tuple[float, ...]]:
    """The closing prices of each symbol, a trading day each; SettingsError where the file is not in order."""
    path = folder / settings.file
    names = [settings.time, *settings.columns.values()]
    table = _table(path, names)
    times = [_date(value, path, line, settings.time) for line, value in enumerate(table[settings.time].to_pylist(), 2)]
    for line, (before, after) in enumerate(pairwise(times), 3):
        if after == before:
            raise SettingsError(f"{path}:{line}: {after} is there twice")
        if after < before:
            raise SettingsError(f"{path}:{line}: time goes back, from {before} to {after}")
        if (after - before).days > LONGEST_GAP:
            days = (after - before).days
            raise SettingsError(f"{path}:{line}: nothing between {before} and {after}: a gap of {days} days")
    if len(times) < 2:
        raise SettingsError(f"{path}: there are {len(times)} prices: two days are the least")
    return {
        symbol: tuple(_price(value, path, line, column) for line, value in enumerate(table[column].to_pylist(), 2))
        for symbol, column in settings.columns.items()
    }


def _table(path: Path, names: list[str]) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            table = parquet.read_table(path)
        else:
            # As text: what is no number is told with its line.
            options = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
            table = csv.read_csv(path, convert_options=options)
    except (OSError, pa.ArrowException) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    for name in names:
        if name not in table.column_names:
            raise SettingsError(f"{path}:1: there is no column {name!r}: there are {', '.join(table.column_names)}")
    return table


def _date(value: Any, path: Path, line: int, column: str) -> dt.date:
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(str(value)[:10])
    except ValueError:
        raise SettingsError(f"{path}:{line}: {column}: {value!r} is no date such as 2026-11-20") from None


def _price(value: Any, path: Path, line: int, column: str) -> float:
    try:
        price = float(value)
    except (TypeError, ValueError):
        price = math.nan
    if not (math.isfinite(price) and price > 0):
        raise SettingsError(f"{path}:{line}: {column}: {value!r} is no price above zero")
    return price


def bounds(settings: Prices, symbol: str, date: dt.date) -> tuple[float, float] | None:
    """The value at the beginning and the end of a day, as shares of the file's first price; None for other symbols.

    SettingsError for a day that the file does not reach.
    """
    closes = settings.closes.get(symbol)
    if closes is None:
        return None
    day = first_place(date) - first_place(settings.first_day)
    if not 0 <= day < len(closes) - 1:
        raise SettingsError(
            f"{settings.file} has prices for {len(closes) - 1} trading days from {settings.first_day} on; "
            f"{date} is not one of them"
        )
    return closes[day] / closes[0], closes[day + 1] / closes[0]
