"""`tickhouse match`, as a person calls it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from stack.commands import market
from streaming.contracts.codec import decode_command, encode_line
from streaming.matching.exchange import Exchange
from streaming.matching.replay import BATCH

BUY = (
    '{"command":"new","order_id":17,"trader_id":4,"symbol":"ACME","side":"buy","order_type":"limit",'
    '"time_in_force":"gtc","price":1000500,"quantity":30,"event_time":1767364200000000}'
)
SELL = (
    '{"command":"new","order_id":3,"trader_id":9,"symbol":"ACME","side":"sell","order_type":"market",'
    '"quantity":10,"event_time":1767364200000300}'
)
CANCEL = '{"command":"cancel","order_id":17,"trader_id":4,"symbol":"ACME","event_time":1767364200000900}'
EVENTS = [
    '{"event":"accepted","sequence":1,"order_id":17,"trader_id":4,"symbol":"ACME","side":"buy","order_type":"limit",'
    '"time_in_force":"gtc","price":1000500,"quantity":30,"event_time":1767364200000000}',
    '{"event":"accepted","sequence":2,"order_id":3,"trader_id":9,"symbol":"ACME","side":"sell","order_type":"market",'
    '"time_in_force":"gtc","quantity":10,"event_time":1767364200000300}',
    '{"event":"trade","sequence":3,"trade_id":"ACME-3","symbol":"ACME","price":1000500,"quantity":10,'
    '"maker_order_id":17,"taker_order_id":3,"buyer_id":4,"seller_id":9,"aggressor_side":"sell",'
    '"event_time":1767364200000300}',
    '{"event":"cancelled","sequence":4,"order_id":17,"trader_id":4,"symbol":"ACME","quantity":20,'
    '"reason":"requested","event_time":1767364200000900}',
]


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    path = tmp_path / "commands.jsonl"
    path.write_text("\n".join([BUY, SELL, CANCEL]) + "\n")
    return path


def run(*arguments: str | Path, stdin: str = "") -> Result:
    app = Typer()
    app.callback()(lambda: None)
    market.register(app)
    return CliRunner().invoke(app, ["match", *map(str, arguments)], input=stdin)


def test_writes_one_event_a_line_in_the_order_of_the_commands(commands: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    result = run(commands, "--events", events)
    assert result.exit_code == 0
    assert events.read_text().splitlines() == EVENTS
    assert "3 commands, 4 events, 0 malformed lines" in result.stderr


def test_reads_standard_input_and_writes_standard_output() -> None:
    result = run("-", "--events", "-", stdin=f"{BUY}\n\n{SELL}\r\n{CANCEL}")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == EVENTS


def test_passes_over_a_malformed_line_naming_it_and_exits_1(commands: Path, tmp_path: Path) -> None:
    commands.write_text(f"{BUY}\nno JSON\n{SELL}\n{CANCEL}\n")
    events = tmp_path / "events.jsonl"
    result = run(commands, "--events", events)
    assert result.exit_code == 1
    assert f"{commands}:2: JSON is malformed" in result.stderr
    assert events.read_text().splitlines() == EVENTS
    assert "3 commands, 4 events, 1 malformed lines" in result.stderr


def test_sums_up_the_events_by_kind_and_the_commonest_reasons(commands: Path, tmp_path: Path) -> None:
    orders = [json.loads(BUY) | fault for fault in ({"side": "x"}, {"quantity": 0}, {"order_type": "x"}, {"price": 1})]
    orders = [order | {"order_id": number} for number, order in enumerate([*orders, orders[-1]], 100)]
    commands.write_text("\n".join([BUY, SELL, CANCEL, CANCEL, *map(json.dumps, orders)]))
    result = run(commands, "--events", tmp_path / "events.jsonl")
    assert "events: accepted 2, trade 1, cancelled 1, rejected 6 (price_not_on_tick 2, " in result.stderr
    assert "others)" in result.stderr


def test_a_long_file_is_the_same_as_its_commands_one_by_one(commands: Path, tmp_path: Path) -> None:
    lines = [
        json.dumps(json.loads(BUY) | {"order_id": number, "side": ("buy", "sell")[number % 2], "quantity": 7 + number})
        for number in range(1, 6_000)
    ]
    commands.write_text("\n".join(lines))
    events, exchange = tmp_path / "events.jsonl", Exchange(bare=True)
    assert run(commands, "--events", events).exit_code == 0
    expected = [encode_line(event) for line in lines for event in exchange.apply(decode_command(line.encode()))]
    assert len(expected) > 2 * BATCH
    assert events.read_bytes() == b"".join(expected)


class TestRejects:
    def rejects(self, path: Path) -> list[dict[str, Any]]:
        return [json.loads(line) for line in path.read_text().splitlines()]

    @pytest.mark.parametrize("option", ["--rejects", "--dead-letters"])
    def test_are_written_with_line_reason_detail_and_bytes(self, commands: Path, tmp_path: Path, option: str) -> None:
        commands.write_bytes(BUY.encode() + b'\n\nno JSON \xff\r\n{"command":"clock","symbol":"ACME"}')
        path = tmp_path / "rejects.jsonl"
        run(commands, "--events", tmp_path / "events.jsonl", option, path)
        first, second = self.rejects(path)
        assert (first["line"], first["reason"]) == (3, "not_json")
        assert "malformed" in first["detail"]
        assert base64.b64decode(first["payload"]) == b"no JSON \xff"
        assert (second["line"], second["reason"]) == (4, "not_a_command")
        assert second["detail"] == "Object missing required field `event_time`"

    def test_are_beside_the_events_where_no_file_is_named(self, commands: Path, tmp_path: Path) -> None:
        commands.write_text("x\n")
        result = run(commands, "--events", tmp_path / "events.jsonl")
        (reject,) = self.rejects(tmp_path / "events.jsonl.rejects.jsonl")
        assert reject["line"] == 1
        assert f"kept in {tmp_path}/events.jsonl.rejects.jsonl" in result.stderr

    def test_make_no_file_where_there_are_none_and_an_earlier_runs_is_removed(
        self, commands: Path, tmp_path: Path
    ) -> None:
        stale = tmp_path / "events.jsonl.rejects.jsonl"
        stale.write_text("stale")
        assert run(commands, "--events", tmp_path / "events.jsonl").exit_code == 0
        assert not stale.exists()

    def test_are_only_told_where_the_events_go_to_standard_output(
        self, commands: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        result = run("-", "--events", "-", stdin=f"x\n{BUY}\n")
        assert result.exit_code == 1
        assert "-:1: JSON is malformed" in result.stderr
        assert list(tmp_path.iterdir()) == [commands]

    def test_are_only_told_where_the_events_go_to_no_file(self, commands: Path) -> None:
        commands.write_text("x\n")
        assert run(commands, "--events", "/dev/null").exit_code == 1
        assert not Path("/dev/null.rejects.jsonl").exists()

    def test_may_not_go_where_the_events_go(self, commands: Path, tmp_path: Path) -> None:
        for path in ("-", tmp_path / "events.jsonl"):
            result = run(commands, "--events", path, "--rejects", path)
            assert result.exit_code == 2
            assert f"{path} is written to already" in result.stderr

    def test_may_not_destroy_the_commands(self, tmp_path: Path) -> None:
        commands = tmp_path / "events.jsonl.rejects.jsonl"
        commands.write_text(BUY)
        result = run(commands, "--events", tmp_path / "events.jsonl")
        assert result.exit_code == 2
        assert commands.read_text() == BUY


def test_names_only_so_many_malformed_lines(commands: Path, tmp_path: Path) -> None:
    commands.write_text("x\n" * 500)
    result = run(commands, "--events", tmp_path / "events.jsonl")
    assert result.stderr.count("JSON is malformed") == market.SHOWN
    assert "500 malformed lines" in result.stderr


def test_with_reference_no_symbol_exists_before_its_instrument(commands: Path) -> None:
    result = run(commands, "--events", "-", "--reference")
    assert [json.loads(line)["reason"] for line in result.stdout.splitlines()] == ["unknown_symbol"] * 3


@pytest.mark.parametrize("missing", ["commands", "events"])
def test_a_file_that_cannot_be_opened_is_named_and_exits_2(commands: Path, tmp_path: Path, missing: str) -> None:
    nowhere = tmp_path / "nowhere" / "file"
    result = run(nowhere, "--events", "-") if missing == "commands" else run(commands, "--events", nowhere)
    assert result.exit_code == 2
    assert f"cannot open {nowhere}: No such file or directory" in result.stderr


def test_refuses_to_write_over_its_own_input(commands: Path) -> None:
    result = run(commands, "--events", commands)
    assert result.exit_code == 2
    assert commands.read_text().startswith(BUY)


def test_something_must_be_asked_for(commands: Path) -> None:
    result = run(commands)
    assert result.exit_code == 2
    assert "give --events FILE for what happens, --book-at TIME for the books, or both" in result.stderr


def test_a_full_disk_is_told_and_exits_2(commands: Path) -> None:
    result = run(commands, "--events", "/dev/full")
    assert result.exit_code == 2
    assert "cannot go on: [Errno 28] No space left on device" in result.stderr


class TestSymbols:
    @pytest.fixture
    def symbols(self, tmp_path: Path) -> Path:
        path = tmp_path / "symbols.csv"
        path.write_text("symbol,tick_size\nACME,500\n")
        return path

    def test_that_are_listed_trade_from_the_start_under_their_rules(self, commands: Path, symbols: Path) -> None:
        off_tick = json.dumps(json.loads(BUY) | {"order_id": 18, "price": 1_000_600})
        commands.write_text("\n".join([BUY, SELL, CANCEL, off_tick]))
        *others, last = run(commands, "--events", "-", "--symbols", symbols).stdout.splitlines()
        assert others == EVENTS
        assert json.loads(last)["reason"] == "price_not_on_tick"

    def test_that_are_not_listed_do_not_exist(self, commands: Path, symbols: Path) -> None:
        commands.write_text(BUY.replace("ACME", "OTHER"))
        (event,) = run(commands, "--events", "-", "--symbols", symbols).stdout.splitlines()
        assert json.loads(event)["reason"] == "unknown_symbol"

    def test_of_a_bad_file_stop_everything_before_it_starts(
        self, commands: Path, symbols: Path, tmp_path: Path
    ) -> None:
        symbols.write_text("symbol,lot_size\nACME,0\n")
        result = run(commands, "--events", tmp_path / "events.jsonl", "--symbols", symbols)
        assert result.exit_code == 2
        assert result.stderr == f"{symbols}:2: lot_size is 0; allowed is a whole number from 1 to 1000000\n"
        assert not (tmp_path / "events.jsonl").exists()

    def test_and_reference_exclude_each_other(self, commands: Path, symbols: Path) -> None:
        result = run(commands, "--events", "-", "--symbols", symbols, "--reference")
        assert result.exit_code == 2
        assert "--symbols and --reference exclude each other" in result.stderr

    def test_are_not_written_over(self, commands: Path, symbols: Path) -> None:
        assert run(commands, "--events", symbols, "--symbols", symbols).exit_code == 2
        assert symbols.read_text().startswith("symbol,")


class TestBookAt:
    """The book of `BUY` at 14:30:00, of which `SELL` takes 10 shares 300 µs later, and `CANCEL` the rest."""

    def rows(self, result: Result) -> list[list[str]]:
        return [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.output.splitlines() if "│" in line]

    @pytest.mark.parametrize(
        ("time", "quantity"),
        [
            ("2026-01-02T14:30:00Z", "30"),
            ("2026-01-02T14:30:00.000299", "30"),
            ("2026-01-02T15:30:00.000300+01:00", "20"),
            ("1767364200000899", "20"),
        ],
    )
    def test_shows_the_book_after_the_commands_up_to_the_time(self, commands: Path, time: str, quantity: str) -> None:
        result = run(commands, "--book-at", time)
        assert result.exit_code == 0
        assert self.rows(result) == [["1", quantity, "100.05", "", ""]]

    def test_heads_it_with_symbol_time_session_and_last_price(self, commands: Path) -> None:
        before = run(commands, "--book-at", "2026-01-02T14:30:00").stdout
        assert before.startswith("ACME at 2026-01-02 14:30:00 UTC: continuous, no trade yet\n")
        after = run(commands, "--book-at", "2026-01-02T14:30:00.0005").stdout
        assert after.startswith("ACME at 2026-01-02 14:30:00.000500 UTC: continuous, last price 100.05\n")

    def test_before_the_first_command_says_that_the_book_is_empty(self, commands: Path) -> None:
        result = run(commands, "--book-at", "1767364199999999")
        assert result.exit_code == 0
        assert "ACME had no command by then: the book is empty." in result.stdout

    def test_after_the_last_command_says_that_it_is_the_last_state(self, commands: Path) -> None:
        commands.write_text(f"{BUY}\n{SELL}\n")
        result = run(commands, "--book-at", "2026-02-01")
        assert "this is its last state, of 2026-01-02 14:30:00.000300 UTC." in result.stdout
        assert self.rows(result) == [["1", "20", "100.05", "", ""]]

    def test_fires_the_timers_that_were_due(self, commands: Path) -> None:
        order = json.loads(BUY) | {"time_in_force": "gtd", "expire_time": 1_767_364_200_000_200}
        commands.write_text(f"{json.dumps(order)}\n{SELL}\n")
        assert len(self.rows(run(commands, "--book-at", "1767364200000199"))) == 1
        assert "No order stands on the book." in run(commands, "--book-at", "1767364200000200").stdout

    def test_a_command_refused_as_too_far_ahead_ends_nothing(self, commands: Path) -> None:
        time = 1_767_364_200_000_000
        day = {"trading_date": "2026-01-02", "reference_price": 1_000_500, "symbol": "ACME", "event_time": time}
        control = [
            {"command": "instrument", "symbol": "ACME", "tick_size": 100, "lot_size": 1, "event_time": time}
            | {"max_quantity": 1_000, "collar_bps": 2_000},
            {"command": "session", "session": "continuous"} | day,
        ]
        ahead = json.loads(BUY) | {"order_id": 1, "event_time": 2 * time}
        commands.write_text("\n".join(map(json.dumps, [*control, ahead, json.loads(BUY)])))
        result = run(commands, "--book-at", str(time + 1), "--reference")
        assert self.rows(result) == [["1", "30", "100.05", "", ""]]

    def test_shows_hidden_shares_in_parentheses_orders_and_the_best_levels(self, commands: Path) -> None:
        orders: list[dict[str, Any]] = [
            {"price": 1_000_000, "display_quantity": 10},
            {"price": 1_000_000},
            {"price": 999_900},
            {"side": "sell", "price": 1_000_200},
            {"side": "sell", "price": 1_000_100},
        ]
        lines = [json.dumps(json.loads(BUY) | order | {"order_id": n}) for n, order in enumerate(orders, 1)]
        commands.write_text("\n".join(lines))
        result = run(commands, "--book-at", "2026-01-03", "--levels", "1")
        assert self.rows(result) == [["", "", "100.01", "30", "1"], ["2", "40 (20)", "100.00", "", ""]]
        assert "Further prices: 1 more of the bids, 1 more of the asks." in result.stdout

    def test_while_orders_gather_shows_a_crossed_book_and_what_would_trade(self, commands: Path) -> None:
        halt = {"command": "halt", "symbol": "ACME", "event_time": 1_767_364_200_000_000}
        sell = json.loads(BUY) | {"side": "sell", "trader_id": 5, "quantity": 12}
        commands.write_text("\n".join([json.dumps(halt), BUY, json.dumps(sell)]))
        result = run(commands, "--book-at", "2026-01-03")
        assert "continuous, halted or paused, no trade yet, an auction would trade 12 at 100.05" in result.stdout
        assert self.rows(result) == [["1", "30", "100.05", "12", "1"]]

    def test_with_events_runs_the_whole_file_too(self, commands: Path, tmp_path: Path) -> None:
        events = tmp_path / "events.jsonl"
        result = run(commands, "--book-at", "2026-01-02T14:30:00", "--events", events)
        assert events.read_text().splitlines() == EVENTS
        assert len(self.rows(result)) == 1

    def test_leaves_standard_output_to_the_events(self, commands: Path) -> None:
        result = run(commands, "--book-at", "2026-01-02T14:30:00", "--events", "-")
        assert result.stdout.splitlines() == EVENTS
        assert "ACME at 2026-01-02 14:30:00 UTC" in result.stderr

    def test_shows_every_symbol_or_the_one_that_is_named(self, commands: Path) -> None:
        commands.write_text(f"{BUY.replace('ACME', 'BLUE')}\n{BUY}\n")
        both = run(commands, "--book-at", "2026-01-03").stdout
        assert both.index("ACME at") < both.index("BLUE at")
        one = run(commands, "--book-at", "2026-01-03", "--symbol", "blue").stdout
        assert "BLUE at" in one
        assert "ACME at" not in one

    def test_shows_a_listed_symbol_without_commands(self, commands: Path, tmp_path: Path) -> None:
        (tmp_path / "symbols.csv").write_text("symbol\nIDLE\n")
        result = run(commands, "--book-at", "2026-01-03", "--symbols", tmp_path / "symbols.csv")
        assert "IDLE had no command by then: the book is empty." in result.stdout
        assert "ACME at" not in result.stdout

    def test_an_unknown_symbol_names_those_there_are_and_exits_2(self, commands: Path) -> None:
        result = run(commands, "--book-at", "2026-01-03", "--symbol", "NONE")
        assert result.exit_code == 2
        assert "--symbol NONE: there is no such symbol; there are: ACME" in result.stderr

    def test_a_symbol_needs_a_time(self, commands: Path) -> None:
        result = run(commands, "--events", "-", "--symbol", "ACME")
        assert result.exit_code == 2
        assert "it needs --book-at TIME" in result.stderr

    @pytest.mark.parametrize(
        "time", ["noon", "-1", "2026-13-01", "1969-12-31T23:59:59", "4102444800000001", "9" * 5000]
    )
    def test_a_time_that_is_none_is_refused_with_what_is_allowed(self, commands: Path, time: str) -> None:
        result = run(commands, f"--book-at={time}")
        assert result.exit_code == 2
        assert "needed is ISO 8601, as 2026-01-02T14:30:00Z" in result.stderr

    def test_without_any_symbol_says_so(self, commands: Path) -> None:
        commands.write_text("")
        result = run(commands, "--book-at", "0")
        assert result.exit_code == 0
        assert "there is no symbol" in result.stderr
