"""Reads summary and parameters from the docstring of a graph, in Google's or numpy's style."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field

_GOOGLE = re.compile(r"^(?:Args|Arguments|Parameters):[ \t]*\n", flags=re.MULTILINE)
_NUMPY = re.compile(r"^(?:Other )?Parameters[ \t]*\n-{3,}[ \t]*\n", flags=re.MULTILINE)
_HEADING = re.compile(r"^\S[^\n]*\n-{3,}[ \t]*$", flags=re.MULTILINE)
_GOOGLE_PARAMETER = re.compile(r"\*{0,2}(\w+)(?:\s*\([^)]*\))?:[ \t]*(.*)")


@dataclass(frozen=True, slots=True)
class DocText:
    """What a docstring says: the first paragraph, and the text for each parameter, each on one line."""

    summary: str = ""
    parameters: dict[str, str] = field(default_factory=dict[str, str])


def read_docstring(docstring: str | None) -> DocText:
    """Return the first paragraph of a docstring and what it says about each parameter."""
    text = inspect.cleandoc(docstring or "")
    google, numpy = _GOOGLE.search(text), _NUMPY.search(text)
    section = google or numpy
    head = text[: section.start()] if section else text
    summary = _join(head.split("\n\n")[0].split("\n"))
    if google:
        return DocText(summary, _read_google(_take_indented(text[google.end() :])))
    if numpy:
        body = text[numpy.end() :]
        after = _HEADING.search(body)
        return DocText(summary, _read_numpy(body[: after.start()] if after else body))
    return DocText(summary)


def _take_indented(text: str) -> str:
    lines = text.split("\n")
    end = next((index for index, line in enumerate(lines) if line and not line[0].isspace()), len(lines))
    return textwrap.dedent("\n".join(lines[:end]))


def _read_google(section: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for head, text in _split_entries(section):
        if begin := _GOOGLE_PARAMETER.fullmatch(head):
            found[begin[1]] = _join([begin[2], *text])
    return found


def _read_numpy(section: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for head, text in _split_entries(section):
        for name in head.partition(":")[0].split(","):
            found[name.strip().lstrip("*")] = _join(text)
    return found


def _split_entries(section: str) -> list[tuple[str, list[str]]]:
    """Return each line at the left edge with the indented lines that follow it."""
    entries: list[tuple[str, list[str]]] = []
    for line in section.split("\n"):
        if line and not line[0].isspace():
            entries.append((line.rstrip(), []))
        elif entries:
            entries[-1][1].append(line)
    return entries


def _join(lines: Iterable[str]) -> str:
    return " ".join(" ".join(lines).split())
