"""Write every `.events.jsonl` anew from the reference market: `.venv/bin/python -m tests.golden.regenerate`.

A change is to be read line by line: the files are the rule book's examples, not whatever the code says.
"""

from __future__ import annotations

from pathlib import Path

from streaming.contracts.codec import decode_command, encode_line
from streaming.contracts.commands import DefineInstrument
from tests.reference.market import ReferenceMarket

HERE = Path(__file__).parent

if __name__ == "__main__":
    for path in sorted(HERE.glob("*.commands.jsonl")):
        commands = [decode_command(line) for line in path.read_bytes().splitlines()]
        market = ReferenceMarket(
            commands[0].symbol, bare=not any(isinstance(command, DefineInstrument) for command in commands)
        )
        lines = [encode_line(event) for command in commands for event in market.apply(command)]
        path.with_name(path.name.replace(".commands.", ".events.")).write_bytes(b"".join(lines))
