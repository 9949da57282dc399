"""Where one SQL statement ends and the next begins: at a semicolon outside quotes and comments."""

from __future__ import annotations

import re
from typing import NamedTuple

TOKEN = re.compile(
    r"""
    (?P<comment>  --[^\n]* | /\*.*?(?:\*/|\Z) )
  | (?P<quoted>   '(?:\\.|[^\\'])*'? | "(?:\\.|[^\\"])*"? | `[^`]*`? )
  | (?P<end>      ; )
  | (?P<space>    \s+ )
  | .
    """,
    re.VERBOSE | re.DOTALL,
)


class Statement(NamedTuple):
    """A statement without its semicolon, and the line of the text (from 1) that it begins on."""

    text: str
    line: int


def split(text: str) -> tuple[list[Statement], str]:
    """The statements that a semicolon ends, and what follows the last one; of comments alone nothing is made.

    Quotes and backslashes are Spark's. What follows is empty where nothing but comments and space does.
    """
    found: list[Statement] = []
    begin: int | None = None  # of the statement: its first character that is neither space nor comment
    for token in TOKEN.finditer(text):
        if token.lastgroup == "end":
            if begin is not None:
                found.append(_statement(text, begin, token.start()))
            begin = None
        elif begin is None and token.lastgroup not in ("comment", "space"):
            begin = token.start()
    return found, "" if begin is None else text[begin:]


def statements(text: str) -> list[Statement]:
    """All statements of a text; the last one needs no semicolon."""
    found, rest = split(text)
    return [*found, _statement(text, len(text) - len(rest), len(text))] if rest else found


def _statement(text: str, begin: int, end: int) -> Statement:
    return Statement(text[begin:end].rstrip(), text.count("\n", 0, begin) + 1)
