"""A day with a flash crash in the lake, asked by Spark as a person asks: by a pipe, at the prompt, in the notebook."""

from __future__ import annotations

import datetime as dt
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulators.runs import make_run
from simulators.scenario import load_scenario
from stack.settings import StackSettings
from stack.shadow_lake import NotEmptyError, fill
from streaming.contracts.settings import PROJECT

TICKHOUSE = str(Path(sys.executable).with_name("tickhouse"))
NOTEBOOK = PROJECT / "docs" / "notebooks" / "crash.ipynb"
RUN = make_run(42, 1, dt.date(2026, 11, 20), 12_000, None, load_scenario("flash_crash"))


@pytest.fixture(scope="module")
def rows(fresh_stack: Callable[..., StackSettings]) -> dict[str, int]:
    """How many rows of each table the crash made."""
    settings = fresh_stack("tables")
    made = fill(settings, RUN)
    with pytest.raises(NotEmptyError):
        fill(settings, RUN)
    return made


def test_a_pipe_of_statements_ends_at_the_one_that_fails(rows: dict[str, int]) -> None:
    script = """
        SELECT count(*) AS n, 'a;b' AS text FROM trades; -- the first
        SELECT count(*) AS n FROM reference.traders;
        SELECT * FROM no_such_table;
        SELECT 'never'"""
    done = subprocess.run(
        [TICKHOUSE, "spark-sql", "--json"], input=script, capture_output=True, text=True, timeout=400, check=False
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers == [{"n": rows["market.trades"], "text": "a;b"}, {"n": rows["reference.traders"]}]
    told = "Statement 3, line 4: There is no table no_such_table: `SHOW TABLES` lists what there is"
    assert done.stderr.splitlines()[-1] == told
    assert done.returncode == 1


class Terminal:
    """`tickhouse spark-sql` at a terminal of its own."""

    def __init__(self) -> None:
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored in the background of a shell
            os.execve(TICKHOUSE, [TICKHOUSE, "spark-sql", "--csv"], {**os.environ, "TERM": "dumb"})

    def types(self, keys: str, until: str = "spark-sql> ") -> list[str]:
        """The lines on the screen from then to the next prompt, what was typed among them."""
        os.write(self.file, keys.encode())
        seen, deadline = "", time.monotonic() + 300
        while not seen.endswith(until):
            assert time.monotonic() < deadline, seen
            if select.select([self.file], [], [], 1)[0]:
                seen += os.read(self.file, 4096).decode()
        return seen.replace("\r", "").splitlines()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_the_prompt_answers_cancels_and_is_left(rows: dict[str, int]) -> None:
    person = Terminal()
    person.types("")
    person.types("SELECT wrong\n", until="-> ")
    person.types("\x03")
    person.types("SELECT count(*) AS n\n", until="-> ")
    assert person.types("FROM trades;\n")[-2] == str(rows["market.trades"])
    assert "There is no column prise: there are price" in person.types("SELECT prise FROM trades;\n")[-2]
    os.write(person.file, b"SELECT count(*) FROM range(0, 90000000000000, 1, 2) WHERE id % 7 = 3;\n")
    time.sleep(4)
    assert "Cancelled" in person.types("\x03")[-2]
    os.write(person.file, b"\x04")
    assert os.waitstatus_to_exitcode(os.waitpid(person.pid, 0)[1]) == 0


def test_the_notebook_finds_the_crash(rows: dict[str, int], tmp_path: Path) -> None:
    made = Path(shutil.copy(NOTEBOOK, tmp_path))
    command = [Path(sys.executable).with_name("jupyter-execute"), "--inplace", made]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    said, figures = outputs(json.loads(made.read_text()))
    assert f" {rows['market.trades']} " in said
    assert "paused" in said
    assert "the sum of all results is 0.0000" in said
    assert figures == 5
    assert outputs(json.loads(NOTEBOOK.read_text()))[1] == figures, "the notebook is committed with what it drew"


def outputs(notebook: dict[str, Any]) -> tuple[str, int]:
    """What the cells said, and how many figures they drew."""
    found = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    said = ["".join(one.get("text", one.get("data", {}).get("text/plain", []))) for one in found]
    return "\n".join(said), sum("image/png" in one.get("data", {}) for one in found)
