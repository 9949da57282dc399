"""The compiled form of the market is the market: same source, same answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from streaming.contracts.settings import PROJECT
from streaming.matching import compiled

GOLDEN = PROJECT / "tests" / "golden"
REPLAY = """
import sys
from pathlib import Path
from streaming.contracts.codec import decode_command, encode_line
from streaming.matching import compiled
from streaming.matching.exchange import Exchange

sys.stdout.write(f"{compiled.active()}\\n")
for path in sorted(Path(sys.argv[1]).glob("*.commands.jsonl")):
    lines = path.read_bytes().splitlines()
    exchange = Exchange(bare=not any(b'"command":"instrument"' in line for line in lines))
    for line in lines:
        for event in exchange.apply(decode_command(line)):
            sys.stdout.buffer.write(encode_line(event))
"""


def replay(interpreted: str) -> tuple[bool, bytes]:
    """Whether the compiled form ran, and the events of every golden file."""
    done = subprocess.run(
        [sys.executable, "-c", REPLAY, str(GOLDEN)],
        env={**os.environ, "TICKHOUSE_INTERPRETED": interpreted},
        stdout=subprocess.PIPE,
        check=True,
    )
    first, _, events = done.stdout.partition(b"\n")
    return first == b"True", events


def test_both_forms_say_what_the_golden_files_say() -> None:
    expected = b"".join(path.read_bytes() for path in sorted(GOLDEN.glob("*.events.jsonl")))
    ran_compiled, events = replay("1")
    assert not ran_compiled
    assert events == expected
    ran_compiled, events = replay("0")
    assert ran_compiled == (compiled.folder() / compiled.COMPLETE).exists()
    assert events == expected


def test_another_source_has_another_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "streaming" / "matching"
    shutil.copytree(compiled.HERE, copy)
    monkeypatch.setattr(compiled, "HERE", copy)
    before = compiled.folder.__wrapped__()
    (copy / "book.py").write_text((copy / "book.py").read_text() + "\n")
    assert compiled.folder.__wrapped__() != before


def test_what_was_compiled_of_this_source_is_what_runs() -> None:
    there = (compiled.folder() / compiled.COMPLETE).exists()
    assert compiled.active() == (there and os.environ.get("TICKHOUSE_INTERPRETED", "0") in ("", "0"))
