"""The examples of the rule book: `tests/golden/<rule>.commands.jsonl` and what a market answers, to the byte.

A file has a market without reference data unless an instrument command is in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from streaming.contracts.codec import decode_command, encode_line
from streaming.contracts.commands import AnyCommand, DefineInstrument
from streaming.contracts.events import ActionRefusal, BookEvent, CorporateAction, Reason, Rejected
from streaming.matching.exchange import SymbolMarket
from tests.reference.market import ReferenceMarket

GOLDEN = Path(__file__).parents[2] / "golden"
NAMES = sorted(path.name.removesuffix(".commands.jsonl") for path in GOLDEN.glob("*.commands.jsonl"))
Market = type[ReferenceMarket] | type[SymbolMarket]
BOTH = pytest.mark.parametrize("market", [ReferenceMarket, SymbolMarket], ids=["reference", "fast"])


def commands(name: str) -> list[AnyCommand]:
    return [decode_command(line) for line in (GOLDEN / f"{name}.commands.jsonl").read_bytes().splitlines()]


def answers(market: Market, name: str) -> list[BookEvent]:
    sent = commands(name)
    bare = not any(isinstance(command, DefineInstrument) for command in sent)
    asked = market(sent[0].symbol, bare=bare)
    return [event for command in sent for event in asked.apply(command)]


@BOTH
@pytest.mark.parametrize("name", NAMES)
def test_a_market_answers_as_the_file_says(name: str, market: Market) -> None:
    expected = (GOLDEN / f"{name}.events.jsonl").read_bytes().splitlines(keepends=True)
    assert [encode_line(event) for event in answers(market, name)] == expected


@pytest.mark.parametrize("name", NAMES)
def test_the_commands_are_written_as_the_codec_writes_them(name: str) -> None:
    assert b"".join(map(encode_line, commands(name))) == (GOLDEN / f"{name}.commands.jsonl").read_bytes()


def test_every_reason_of_a_rejection_has_a_file() -> None:
    events = [event for name in NAMES for event in answers(ReferenceMarket, name)]
    assert {event.reason for event in events if isinstance(event, Rejected)} == set(get_args(Reason))


def test_every_reason_of_a_refused_action_has_a_file() -> None:
    events = [event for name in NAMES for event in answers(ReferenceMarket, name)]
    reasons = {event.reason for event in events if isinstance(event, CorporateAction)}
    assert reasons == {None, *get_args(ActionRefusal)}


def test_every_file_of_commands_has_one_of_events() -> None:
    assert NAMES
    assert {path.name for path in GOLDEN.glob("*.jsonl")} == {
        f"{name}.{kind}.jsonl" for name in NAMES for kind in ("commands", "events")
    }
