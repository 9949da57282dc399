"""Files of reference data: the symbols that an exchange lists, and their rules.

A `.csv` file has a header and a line per symbol, as `streaming/contracts/reference/instruments.csv`; any other file has
an `instrument` command per line.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
from msgspec.inspect import IntType, LiteralType, UnionType, type_info
from msgspec.structs import fields

from streaming.contracts.commands import DefineInstrument
from streaming.contracts.money import CENT

DEFAULTS = {"tick_size": CENT, "lot_size": 1, "max_quantity": 10**9, "collar_bps": 9_999}
"""What holds where a CSV file does not say."""
COLUMNS = ("symbol", *DEFAULTS, "max_notional", "luld_tier")
PASSED_OVER = ("name", "sector", "initial_price")
FIELDS = {field.encode_name: field for field in fields(DefineInstrument)}

Row = tuple[int, Mapping[str, object]]
"""The number of a line, and what it says."""


class SymbolsError(Exception):
    """What is wrong with a file of symbols, where, and what is allowed."""


class _LineError(Exception):
    """What is wrong with a line, and what is allowed."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def read_symbols(path: Path) -> list[DefineInstrument]:
    """The instruments of a file, with event time 0 where it tells none; SymbolsError says what is wrong with it."""
    listed: list[DefineInstrument] = []
    lines: dict[str, int] = {}
    try:
        text = path.read_text(encoding="utf-8-sig")
        for line, values in (_csv if path.suffix.lower() == ".csv" else _json)(text):
            instrument = _instrument(line, values)
            symbol = instrument.symbol
            if symbol in lines:
                raise _LineError(line, f"symbol {symbol} is on line {lines[symbol]} already; each is listed once")
            lines[symbol] = line
            listed.append(instrument)
    except OSError as error:
        raise SymbolsError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SymbolsError(f"{path}: not text in UTF-8: {error.reason} at byte {error.start}") from None
    except _LineError as error:
        raise SymbolsError(f"{path}:{error.line}: {error}") from None
    if not listed:
        raise SymbolsError(
            f"{path}:1: no symbol is listed; needed is, in a .csv file, a header with the column symbol and a line per "
            f"symbol, in any other file an instrument command per line"
        )
    return listed


def _csv(text: str) -> Iterator[Row]:
    reader = csv.reader(StringIO(text), strict=True)
    header: list[str] = []
    try:
        for cells in reader:
            line, row = reader.line_num, [cell.strip() for cell in cells]
            if not any(row):
                continue
            if not header:
                _check_header(line, row)
                header = row
                continue
            if len(row) != len(header):
                raise _LineError(line, f"{len(row)} cells, but the header has {len(header)}")
            told = dict(zip(header, row, strict=True))
            given = {name: _number(told[name]) for name in COLUMNS if told.get(name)}
            yield line, {"event_time": 0} | DEFAULTS | given | {"symbol": told["symbol"]}
    except csv.Error as error:
        raise _LineError(reader.line_num, f"not CSV: {error}") from None


def _check_header(line: int, header: list[str]) -> None:
    for name in header:
        if name not in COLUMNS and name not in PASSED_OVER:
            raise _LineError(line, f"unknown column {name!r:.60}; {_columns()}")
        if header.count(name) > 1:
            raise _LineError(line, f"column {name} comes twice; {_columns()}")
    if "symbol" not in header:
        raise _LineError(line, f"the column symbol is missing; {_columns()}")


def _columns() -> str:
    return f"columns are {', '.join(COLUMNS)} (only symbol is needed); {', '.join(PASSED_OVER)} are passed over"


def _number(cell: str) -> int | str:
    return int(cell) if re.fullmatch(r"[0-9]{1,30}", cell) else cell


def _json(text: str) -> Iterator[Row]:
    for line, told in enumerate(text.split("\n"), 1):
        if not told.strip():
            continue
        try:
            values = msgspec.json.decode(told, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError) as error:
            raise _LineError(line, f"not an instrument command in JSON: {error}") from None
        kind = values.pop("command", None)
        if kind != "instrument":
            raise _LineError(line, f"command is {kind!r:.60}; allowed is 'instrument' alone")
        yield line, {"event_time": 0} | values


def _instrument(line: int, values: Mapping[str, object]) -> DefineInstrument:
    for name in values:
        if name not in FIELDS:
            raise _LineError(line, f"unknown field {name!r:.60}; fields are command, {', '.join(FIELDS)}")
    for name, field in FIELDS.items():
        if name in values:
            try:
                msgspec.convert(values[name], field.type)
            except msgspec.ValidationError:
                raise _LineError(line, f"{name} is {values[name]!r:.60}; allowed is {_allowed(name)}") from None
        elif field.required:
            raise _LineError(line, f"{name} is missing; needed is {_allowed(name)}")
    return msgspec.convert(values, DefineInstrument)


def _allowed(name: str) -> str:
    """In words, what a field may be."""
    if name == "symbol":
        return "a capital letter, then up to 11 capital letters, digits and dots"
    form = type_info(FIELDS[name].type)
    for part in form.types if isinstance(form, UnionType) else (form,):
        if isinstance(part, IntType):
            return f"a whole number from {part.ge} to {part.le}"
        if isinstance(part, LiteralType):
            return " or ".join(map(str, part.values))
    raise AssertionError(name)
