"""Carries out a notebook without Jupyter, and writes what its cells said and drew into it.

    python -m stack.notebooks docs/notebooks/crash.ipynb

A cell is Python alone (no magics). Its output is what it prints, its figures, and the value of a last expression: what
Jupyter shows too.
"""

from __future__ import annotations

import ast
import base64
import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

Notebook = dict[str, Any]
Output = dict[str, Any]


class NotebookError(RuntimeError):
    """A cell failed; the message says which (of the code cells, from 1), and why."""


def execute(notebook: Notebook) -> None:
    """Carry out the code cells in order and replace their outputs; NotebookError at the first that fails."""
    import matplotlib as mpl

    mpl.use("agg")
    names: dict[str, Any] = {"__name__": "__main__"}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(cells, 1):
        try:
            cell["outputs"] = run("".join(cell["source"]), names, number)
        except Exception as error:
            raise NotebookError(f"cell {number}: {type(error).__name__}: {error}") from error
        cell["execution_count"] = number


def run(source: str, names: dict[str, Any], number: int) -> list[Output]:
    """One cell's outputs, in the notebook's form (nbformat 4)."""
    body = ast.parse(source)
    shown = body.body and isinstance(body.body[-1], ast.Expr) and not source.rstrip().endswith(";")
    last = body.body.pop() if shown else None
    said, value = io.StringIO(), None
    with redirect_stdout(said):
        exec(compile(body, f"<cell {number}>", "exec"), names)  # noqa: S102  a notebook is a program
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), f"<cell {number}>", "eval"), names)  # noqa: S307
    outputs: list[Output] = []
    if text := said.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": text.splitlines(keepends=True)})
    if value is not None:
        outputs.append(
            {"output_type": "execute_result", "execution_count": number, "metadata": {}, "data": forms(value)}
        )
    return outputs + [{"output_type": "display_data", "metadata": {}, "data": figure} for figure in figures()]


def forms(value: Any) -> dict[str, list[str]]:
    """A value as text and, where it knows how, as HTML."""
    found = {"text/plain": repr(value).splitlines(keepends=True)}
    if hasattr(value, "_repr_html_") and (html := value._repr_html_()):
        found["text/html"] = html.splitlines(keepends=True)
    return found


def figures() -> list[dict[str, Any]]:
    """What was drawn since the last call, as PNG."""
    from matplotlib import pyplot as plt

    found = []
    for number in plt.get_fignums():
        image = io.BytesIO()
        # Nothing of the machine or the version goes into the file: the same figure is the same bytes.
        plt.figure(number).savefig(image, format="png", dpi=72, bbox_inches="tight", metadata={"Software": None})
        found.append({"image/png": base64.b64encode(image.getvalue()).decode(), "text/plain": ["<Figure>"]})
    plt.close("all")
    return found


def main(
    notebook: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The notebook")],
    output: Annotated[Path | None, typer.Option(help="Where it goes with its outputs; default: the same file")] = None,
) -> None:
    """Carry out a notebook from beginning to end; exit code 1, and nothing written, where a cell fails."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    try:
        execute(content)
    except NotebookError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    (output or notebook).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
