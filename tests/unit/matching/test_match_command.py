"""`tickhouse match`, as a person calls it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from stack.commands import market

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
    events, letters = tmp_path / "events.jsonl", tmp_path / "letters.jsonl"
    result = run(commands, "--events", events, "--dead-letters", letters)
    assert result.exit_code == 1
    assert f"{commands}:2: JSON is malformed" in result.stderr
    assert events.read_text().splitlines() == EVENTS
    (letter,) = map(json.loads, letters.read_text().splitlines())
    assert (letter["offset"], base64.b64decode(letter["payload"])) == (2, b"no JSON")


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
