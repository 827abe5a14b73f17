"""The text of a cell as a value: number, quoted string, list, tuple, dictionary, boolean, None. Evaluates nothing.

A lexer that knows the tokens of literals alone bounds length and nesting first, because Python's own parser can exhaust
memory and stack; what it lets pass is read by ``ast.literal_eval``.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable
from typing import Final, cast

from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.limits import Limits
from http_gateway.spreadsheets.rows import shorten

_TOKEN: Final = re.compile(
    r"""
      (?P<space>[\s\u00a0]+)
    | (?P<string>[uUrR]?(?:'(?:[^'\\\r\n]|\\[^\r\n])+'|''(?!')|"(?:[^"\\\r\n]|\\[^\r\n])+"|""(?!")))
    | (?P<number>0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+
        |(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?)
    | (?P<name>[^\W\d]\w*)
    | (?P<sign>[+-])
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<mark>[,:])
    """,
    re.VERBOSE,
)
_PAIRS: Final = {"(": ")", "[": "]", "{": "}"}
_KNOWN_NAMES: Final = frozenset({"True", "False", "None"})
# Backslashes that Python would keep as they are, with a warning.
_LONE_BACKSLASH: Final = re.compile(
    r"""\\(?:(?P<known>[\\'"abfnrtv]|[0-3][0-7]{2}|[0-7]{1,2}(?![0-7])|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}"""
    r"""|U[0-9a-fA-F]{8}|N\{[^}]*\})|(?P<other>.))"""
)
_LONGEST_NUMBER: Final = 64
_LEAST_INT, _MOST_INT = -(2**63), 2**64 - 1
# Above this not every whole number has a float of its own.
_EXACT: Final = 2**53


def read_literal(text: str, limits: Limits) -> object:
    """Return the value that a text denotes; tuples become lists.

    Raises:
        SpreadsheetError: it is no literal; the message says why.
    """
    return _read(_split(text, limits))


def read_arguments(text: str, limits: Limits) -> list[object]:
    """Return the values that a text denotes, separated by commas and without brackets around them.

    Raises:
        SpreadsheetError: it is no list of literals; the message says why.
    """
    return cast("list[object]", _read(["[", *_split(text, limits), "]"]))


def check_number(value: float) -> int | float:
    """Return a number that JSON can carry; a whole float becomes an integer.

    Raises:
        SpreadsheetError: it is not finite, or an integer of more than 64 bits.
    """
    if isinstance(value, int):
        if not _LEAST_INT <= value <= _MOST_INT:
            raise SpreadsheetError("the number is too large")
        return value
    if not math.isfinite(value):
        raise SpreadsheetError("the number is not finite")
    return int(value) if value.is_integer() and abs(value) < _EXACT else value


def _split(text: str, limits: Limits) -> list[str]:
    if len(text) > limits.cell_chars:
        raise SpreadsheetError(f"the cell has {len(text)} characters; at most {limits.cell_chars} are accepted")
    tokens: list[str] = []
    waiting: list[str] = []
    before, at = "", 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _not_understood(text, at)
        kind, token, at = str(found.lastgroup), found.group(), found.end()
        if kind == "space":
            continue
        _check_order(before, kind, token)
        _track_brackets(kind, token, waiting, limits)
        tokens.append(_mend_backslashes(token) if kind == "string" else token)
        before = kind
    if waiting:
        raise SpreadsheetError(f"a closing {waiting[-1]!r} is missing")
    if before == "sign":
        raise SpreadsheetError("a sign must stand before a number")
    return tokens


def _check_order(before: str, kind: str, token: str) -> None:
    """Refuse what only expressions have. Lists without a comma between values are left to Python's parser."""
    if kind == "name" and token not in _KNOWN_NAMES:
        raise SpreadsheetError(
            f"{shorten(token)} is not quoted; write '{shorten(token)}' in quotes, because cells are data and names are "
            "not looked up"
        )
    if kind == "number" and len(token) > _LONGEST_NUMBER:
        raise SpreadsheetError("a number is too long")
    if before == "sign" and kind != "number":
        raise SpreadsheetError("a sign must stand before a number")
    after_value = before in {"string", "number", "name", "close"}
    if after_value and (kind in {"open", "number", "name", "sign"} or (kind == "string" and before != "string")):
        raise SpreadsheetError(
            f"a comma is missing before {shorten(token)!r}, or this is an expression; cells are data and are not "
            "evaluated"
        )


def _track_brackets(kind: str, token: str, waiting: list[str], limits: Limits) -> None:
    if kind == "open":
        if len(waiting) >= limits.nesting:
            raise SpreadsheetError(f"brackets are nested more than {limits.nesting} deep")
        waiting.append(_PAIRS[token])
    elif kind == "close" and (not waiting or waiting.pop() != token):
        raise SpreadsheetError(f"{token!r} closes nothing")


def _mend_backslashes(token: str) -> str:
    """Return a string token in which backslashes without a meaning are doubled, which is how Python reads them."""
    if token[0] in "rR":
        return token
    return _LONE_BACKSLASH.sub(lambda found: found[0] if found["known"] else f"\\\\{found['other']}", token)


def _not_understood(text: str, at: int) -> SpreadsheetError:
    if text[at] in "'\"":
        return SpreadsheetError(f"the quotation at {shorten(text[at:])!r} is not closed on its line by one mark")
    return SpreadsheetError(
        f"{text[at]!r} in {shorten(text)!r} belongs to no number, quoted string, list, tuple or dictionary; cells are "
        "data and are not evaluated"
    )


def _read(tokens: Iterable[str]) -> object:
    text = " ".join(tokens)
    try:
        value: object = ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise SpreadsheetError(f"{shorten(text)!r} is no value") from error
    return _plain(value)


def _plain(value: object) -> object:
    """Return a value of the kinds that JSON has. Its depth is that of the brackets, which is bounded."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _check_text(value)
    if isinstance(value, (int, float)):
        check_number(value)
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in cast("Iterable[object]", value)]
    if isinstance(value, dict):
        pairs = cast("dict[object, object]", value)
        return {_check_key(key): _plain(item) for key, item in pairs.items()}
    raise SpreadsheetError("sets cannot be used; write a list in [ ]")


def _check_key(key: object) -> str:
    if not isinstance(key, str):
        raise SpreadsheetError(f"the key {key!r} of a dictionary is not a quoted string")
    return _check_text(key)


def _check_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SpreadsheetError("a string holds half of a character (a lone surrogate)") from error
    return text
