"""Statements end where Spark ends them; the prompt reads lines until they do; an error is one sentence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyspark.errors import PySparkException

from stack.spark_shell import CONTINUED, PROMPT, converse, sentence
from stack.statements import split, statements


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;", ["SELECT 1"]),
        ("SELECT 1;\nSELECT 2", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';' ; SELECT \"a;b\", `c;d`", ["SELECT ';'", 'SELECT "a;b", `c;d`']),
        (r"SELECT 'it\'s; one'; SELECT 'it''s; two'", [r"SELECT 'it\'s; one'", "SELECT 'it''s; two'"]),
        ("SELECT 1 -- one; only\n; SELECT /* ; */ 2;", ["SELECT 1 -- one; only", "SELECT /* ; */ 2"]),
        ("-- a title\nSELECT 1;;; -- the end\n", ["SELECT 1"]),
        ("SELECT '--'; SELECT 2", ["SELECT '--'", "SELECT 2"]),
        ("SELECT 'open; SELECT 2", ["SELECT 'open; SELECT 2"]),
        (" ; -- nothing\n /* at all */ ;", []),
        ("", []),
    ],
)
def test_a_semicolon_outside_quotes_and_comments_ends_a_statement(text: str, found: list[str]) -> None:
    assert [statement.text for statement in statements(text)] == found


def test_a_statement_knows_the_line_it_begins_on() -> None:
    text = "-- first\n\nSELECT 1;\nSELECT\n  2; SELECT 3"
    assert [statement.line for statement in statements(text)] == [3, 4, 5]


def test_what_no_semicolon_ends_is_left() -> None:
    assert split("SELECT 1; SELECT 2\n")[1] == "SELECT 2\n"
    assert split("SELECT 1; -- done\n")[1] == ""


class Typing:
    """A person at the prompt: lines, or the keys that are no line."""

    def __init__(self, *lines: str | type[BaseException]) -> None:
        self.lines: Iterator[str | type[BaseException]] = iter(lines)
        self.prompts: list[str] = []
        self.answered: list[str] = []

    def read(self, prompt: str) -> str:
        self.prompts.append(prompt)
        line = next(self.lines, EOFError)
        if isinstance(line, str):
            return line
        raise line

    def converse(self) -> list[str]:
        converse(self.read, self.answered.append, lambda _: None)
        return self.answered


def test_a_statement_is_answered_when_its_semicolon_comes() -> None:
    person = Typing("SELECT", "  1;", "SELECT 2; SELECT 3;")
    assert person.converse() == ["SELECT\n  1", "SELECT 2", "SELECT 3"]
    assert person.prompts == [PROMPT, CONTINUED, PROMPT, PROMPT]


def test_ctrl_c_drops_what_was_typed_and_goes_on() -> None:
    person = Typing("SELECT wrong", KeyboardInterrupt, "SELECT 1;")
    assert person.converse() == ["SELECT 1"]
    assert person.prompts == [PROMPT, CONTINUED, PROMPT, PROMPT]


@pytest.mark.parametrize("leave", ["exit", "QUIT;", EOFError])
def test_the_prompt_is_left(leave: str | type[BaseException]) -> None:
    assert Typing("SELECT 1;", leave, "SELECT 2;").converse() == ["SELECT 1"]


def test_a_word_within_a_statement_does_not_leave() -> None:
    assert Typing("SELECT 1 AS", "exit", ";").converse() == ["SELECT 1 AS\nexit"]


@pytest.mark.parametrize(
    ("condition", "message", "told"),
    [
        ("DIVIDE_BY_ZERO", "Division by zero. Use `try_divide` to tolerate it. SQLSTATE: 22012", "Division by zero"),
        (
            "PARSE_SYNTAX_ERROR",
            "Syntax error at or near 'selec'. SQLSTATE: 42601 (line 1, pos 0)\n\n== SQL ==\nselec",
            "Syntax error at or near 'selec' (line 1, pos 0)",
        ),
    ],
)
def test_an_error_is_its_first_sentence(condition: str, message: str, told: str) -> None:
    assert sentence(PySparkException(message, condition, {})) == told


@pytest.mark.parametrize(
    ("condition", "parameters", "told"),
    [
        (
            "TABLE_OR_VIEW_NOT_FOUND",
            {"relationName": "`market`.`trade`"},
            "There is no table market.trade: `SHOW TABLES` lists what there is",
        ),
        (
            "UNRESOLVED_COLUMN.WITH_SUGGESTION",
            {"objectName": "`prise`", "proposal": "`price`, `symbol`"},
            "There is no column prise: there are price, symbol, …",
        ),
    ],
)
def test_a_missing_name_is_named(condition: str, parameters: dict[str, str], told: str) -> None:
    assert sentence(PySparkException("It cannot be found. Look again.", condition, parameters)) == told
