"""A notebook is carried out as Jupyter would: what cells say, draw and end with is in it afterwards."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from stack.notebooks import NotebookError, execute, main

DRAW = "from matplotlib import pyplot as plt\nplt.plot([1, 2])\nplt.title('up');"


def notebook(*cells: str) -> dict[str, Any]:
    code = [
        {"cell_type": "code", "source": cell.splitlines(keepends=True), "outputs": ["old"], "execution_count": None}
        for cell in cells
    ]
    return {"cells": [{"cell_type": "markdown", "source": ["# A title"]}, *code], "nbformat": 4, "nbformat_minor": 5}


def outputs(made: dict[str, Any]) -> list[list[dict[str, Any]]]:
    return [cell["outputs"] for cell in made["cells"] if cell["cell_type"] == "code"]


def test_cells_share_names_and_show_what_they_print_and_end_with() -> None:
    made = notebook("a = 20\nprint('a is', a)", "a + 1", "a = 3")
    execute(made)
    said, value, nothing = outputs(made)
    assert said == [{"output_type": "stream", "name": "stdout", "text": ["a is 20\n"]}]
    assert value == [
        {"output_type": "execute_result", "execution_count": 2, "metadata": {}, "data": {"text/plain": ["21"]}}
    ]
    assert nothing == []
    assert [cell["execution_count"] for cell in made["cells"][1:]] == [1, 2, 3]


def test_a_data_frame_is_shown_as_html_too() -> None:
    made = notebook("import pandas as pd\npd.DataFrame({'price': [1.5]})")
    execute(made)
    assert "<td>1.5</td>" in "".join(outputs(made)[0][0]["data"]["text/html"])


def test_what_is_drawn_is_in_the_cell_that_drew_it() -> None:
    made = notebook(DRAW, "1")
    execute(made)
    drawn, after = outputs(made)
    assert len(drawn) == 1, "a semicolon at the end hides the value"
    assert base64.b64decode(drawn[0]["data"]["image/png"]).startswith(b"\x89PNG")
    assert len(after) == 1


def test_the_first_cell_that_fails_is_named() -> None:
    with pytest.raises(NotebookError, match="cell 2: ZeroDivisionError: division by zero"):
        execute(notebook("1", "1 / 0", "never"))


def test_a_notebook_that_fails_stays_as_it_was(tmp_path: Path) -> None:
    app = Typer()
    app.command()(main)
    file = tmp_path / "some.ipynb"
    file.write_text(json.dumps(notebook("1", "nonsense")))
    before = file.read_text()
    result = CliRunner().invoke(app, [str(file)])
    assert result.exit_code == 1
    assert result.stderr == "cell 2: NameError: name 'nonsense' is not defined\n"
    assert file.read_text() == before
