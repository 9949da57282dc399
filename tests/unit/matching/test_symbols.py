"""Files of symbols, and an exchange that lists them."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest

from streaming.contracts.commands import CancelOrder, Clock, DefineInstrument, Halt, NewOrder, SetSession
from streaming.contracts.events import Accepted, MarketStatus, Rejected
from streaming.contracts.reference import instruments
from streaming.matching.exchange import Exchange
from streaming.matching.symbols import SymbolsError, read_symbols

COMMAND: dict[str, Any] = {
    "command": "instrument",
    "symbol": "ACME",
    "tick_size": 500,
    "lot_size": 10,
    "max_quantity": 1_000,
    "collar_bps": 2_000,
}


def read(tmp_path: Path, text: str, name: str = "symbols.csv") -> list[DefineInstrument]:
    path = tmp_path / name
    path.write_text(text)
    return read_symbols(path)


def fault(tmp_path: Path, text: str, name: str = "symbols.csv") -> str:
    """What is wrong, after the file's name."""
    with pytest.raises(SymbolsError) as caught:
        read(tmp_path, text, name)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / name}:")
    return message.removeprefix(f"{tmp_path / name}:")


class TestCsv:
    def test_the_platforms_own_file_can_be_read(self) -> None:
        with as_file(files("streaming.contracts") / "reference" / "instruments.csv") as path:
            listed = read_symbols(path)
        assert [instrument.symbol for instrument in listed] == [instrument.symbol for instrument in instruments()]
        assert [instrument.luld_tier for instrument in listed] == [line.luld_tier for line in instruments()]

    def test_only_the_symbol_is_needed(self, tmp_path: Path) -> None:
        assert read(tmp_path, "symbol\nACME\n") == [
            DefineInstrument(
                symbol="ACME", tick_size=100, lot_size=1, max_quantity=10**9, collar_bps=9_999, event_time=0
            )
        ]

    def test_an_empty_cell_is_the_default(self, tmp_path: Path) -> None:
        (instrument,) = read(tmp_path, "symbol,tick_size,max_notional,luld_tier\nACME,,5,\n")
        assert (instrument.tick_size, instrument.max_notional, instrument.luld_tier) == (100, 5, None)

    def test_blanks_a_byte_order_mark_and_any_case_of_the_suffix_are_fine(self, tmp_path: Path) -> None:
        listed = read(tmp_path, "\ufeffsymbol , lot_size\r\n\r\n ACME, 5 \r\n", "SYMBOLS.CSV")
        assert [(instrument.symbol, instrument.lot_size) for instrument in listed] == [("ACME", 5)]

    @pytest.mark.parametrize(
        ("cell", "allowed"),
        [
            ("tick_size,0", "tick_size is 0; allowed is a whole number from 1 to 1000000000"),
            ("lot_size,1.5", "lot_size is '1.5'; allowed is a whole number from 1 to 1000000"),
            ("max_quantity,-1", "max_quantity is '-1'; allowed is a whole number from 1 to 1000000000"),
            ("max_notional,1e9", "max_notional is '1e9'; allowed is a whole number from 1 to 9223372036854775807"),
            ("collar_bps,10000", "collar_bps is 10000; allowed is a whole number from 1 to 9999"),
            ("luld_tier,3", "luld_tier is 3; allowed is 1 or 2"),
        ],
    )
    def test_a_bad_number_is_told_with_what_is_allowed(self, tmp_path: Path, cell: str, allowed: str) -> None:
        name, value = cell.split(",")
        assert fault(tmp_path, f"symbol,{name}\nGOOD,1\nACME,{value}\n") == f"3: {allowed}"

    @pytest.mark.parametrize("symbol", ["acme", "", "1A", "ABCDEFGHIJKLM"])
    def test_a_bad_symbol(self, tmp_path: Path, symbol: str) -> None:
        expected = (
            f"2: symbol is {symbol!r}; allowed is a capital letter, then up to 11 capital letters, digits and dots"
        )
        assert fault(tmp_path, f"symbol,lot_size\n{symbol},1\n") == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("tick_size\n100\n", "1: the column symbol is missing; columns are symbol, tick_size,"),
            ("symbol,colour\nACME,red\n", "1: unknown column 'colour'; columns are symbol, tick_size,"),
            ("symbol,symbol\nACME,ACME\n", "1: column symbol comes twice; "),
            ("symbol,lot_size\nACME\n", "2: 1 cells, but the header has 2"),
            ('symbol\n"ACME\n', "2: not CSV: "),
        ],
    )
    def test_a_form_that_is_wrong(self, tmp_path: Path, text: str, expected: str) -> None:
        assert fault(tmp_path, text).startswith(expected)


class TestJsonLines:
    def test_instrument_commands_with_or_without_a_time(self, tmp_path: Path) -> None:
        second = COMMAND | {"symbol": "BLUE", "luld_tier": 2, "pause_seconds": 60, "event_time": 7}
        listed = read(tmp_path, f"{json.dumps(COMMAND)}\n\n{json.dumps(second)}", "symbols.jsonl")
        assert [(line.symbol, line.luld_tier, line.event_time) for line in listed] == [
            ("ACME", None, 0),
            ("BLUE", 2, 7),
        ]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("symbol\nACME\n", "1: not an instrument command in JSON: "),
            ("[1]", "1: not an instrument command in JSON: Expected `object`"),
            (json.dumps(COMMAND | {"command": "clock"}), "1: command is 'clock'; allowed is 'instrument' alone"),
            (json.dumps(COMMAND | {"colour": 1}), "1: unknown field 'colour'; fields are command, symbol,"),
            (json.dumps(COMMAND | {"tick_size": "9"}), "1: tick_size is '9'; allowed is a whole number from 1 to"),
            ('{"command":"instrument","symbol":"ACME"}', "1: tick_size is missing; needed is a whole number from 1 to"),
        ],
    )
    def test_a_line_that_is_wrong(self, tmp_path: Path, text: str, expected: str) -> None:
        assert fault(tmp_path, text, "symbols.jsonl").startswith(expected)


@pytest.mark.parametrize("name", ["symbols.csv", "symbols.jsonl"])
def test_an_empty_file_lists_no_symbol(tmp_path: Path, name: str) -> None:
    assert fault(tmp_path, "\n", name).startswith("1: no symbol is listed; needed is, in a .csv file, a header")


def test_a_header_alone_lists_no_symbol(tmp_path: Path) -> None:
    assert fault(tmp_path, "symbol\n").startswith("1: no symbol is listed")


def test_a_symbol_is_listed_once(tmp_path: Path) -> None:
    assert fault(tmp_path, "symbol\nACME\nBLUE\nACME\n") == "4: symbol ACME is on line 2 already; each is listed once"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SymbolsError, match=r"cannot read .*nowhere.csv: No such file or directory"):
        read_symbols(tmp_path / "nowhere.csv")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "symbols.csv"
    path.write_bytes(b"symbol\n\xff\n")
    with pytest.raises(SymbolsError, match="not text in UTF-8: invalid start byte at byte 7"):
        read_symbols(path)


class TestListedExchange:
    @pytest.fixture
    def exchange(self, tmp_path: Path) -> Exchange:
        return Exchange(listed=read(tmp_path, "symbol,collar_bps,luld_tier\nACME,2000,1\n"))

    def order(self, order_id: int, price: int = 1_000_000, symbol: str = "ACME") -> NewOrder:
        return NewOrder(
            order_id=order_id,
            trader_id=1,
            symbol=symbol,
            side="buy",
            order_type="limit",
            price=price,
            quantity=10,
            event_time=10**15,
        )

    def session(self, reference_price: int) -> SetSession:
        return SetSession(
            symbol="ACME",
            session="continuous",
            trading_date="2026-01-02",
            reference_price=reference_price,
            event_time=10**15,
        )

    def test_knows_no_other_symbol_whatever_comes(self, exchange: Exchange) -> None:
        assert exchange.apply(Halt(symbol="BLUE", event_time=0)) == []
        (event,) = exchange.apply(self.order(1, symbol="BLUE"))
        assert isinstance(event, Rejected)
        assert event.reason == "unknown_symbol"
        assert list(exchange.markets) == ["ACME"]

    def test_takes_a_symbol_that_an_instrument_adds(self, exchange: Exchange, tmp_path: Path) -> None:
        (added,) = read(tmp_path, "symbol\nBLUE\n")
        exchange.apply(added)
        exchange.apply(Clock(symbol="BLUE", event_time=10**15))
        (event,) = exchange.apply(self.order(1, symbol="BLUE"))
        assert isinstance(event, Rejected)
        assert event.reason == "market_closed"

    def test_has_no_collar_before_a_reference_price(self, exchange: Exchange) -> None:
        (event,) = exchange.apply(self.order(1, price=100))
        assert isinstance(event, Accepted)

    def test_has_collar_and_bands_from_the_session_that_sets_a_reference_price(self, exchange: Exchange) -> None:
        (status,) = exchange.apply(self.session(1_000_000))
        assert isinstance(status, MarketStatus)
        assert (status.lower_price, status.upper_price) == (800_000, 1_200_000)
        assert (status.lower_band_price, status.upper_band_price) == (950_000, 1_050_000)
        (event,) = exchange.apply(self.order(1, price=100))
        assert isinstance(event, Rejected)
        assert event.reason == "price_outside_collar"

    def test_lists_at_time_0_whatever_the_file_says(self) -> None:
        listed = DefineInstrument(**{name: COMMAND[name] for name in COMMAND if name != "command"}, event_time=99)
        assert Exchange(listed=[listed]).markets["ACME"].now == 0

    def test_is_the_same_after_dump_and_load(self, exchange: Exchange) -> None:
        exchange.apply(self.order(1))
        loaded = Exchange.load(exchange.dump())
        assert loaded.dump() == exchange.dump()
        for command in (
            self.order(2, symbol="BLUE"),
            self.session(1_000_000),
            self.order(2, price=100),
            CancelOrder(order_id=1, trader_id=1, symbol="ACME", event_time=10**15),
            Clock(symbol="ACME", event_time=2 * 10**15),
        ):
            assert loaded.apply(command) == exchange.apply(command)
        assert loaded.dump() == exchange.dump()
