"""Reads the summary and the parameters from a docstring in numpy style; ignores all that it does not know."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, pairwise

_SIGNATURE = re.compile(r"([\w., ]+=)?\s*[\w.]+\(.*\)")


@dataclass(frozen=True, slots=True)
class DocText:
    """What a docstring says: the first paragraph, and the text for each parameter."""

    summary: str = ""
    parameters: dict[str, str] = field(default_factory=dict[str, str])


def read_docstring(docstring: str | None) -> DocText:
    """Return the first paragraph of a docstring and what it says about each parameter."""
    paragraphs = _split_paragraphs(textwrap.dedent(inspect.cleandoc(docstring or "")).split("\n"))
    starts = [index for index, paragraph in enumerate(paragraphs) if _is_heading(paragraph)]
    head = paragraphs[: starts[0]] if starts else paragraphs
    sections: dict[str, list[str]] = {}
    for start, stop in pairwise([*starts, len(paragraphs)]):
        (title, _, *first), *rest = paragraphs[start:stop]
        sections.setdefault(title.strip().lower(), _join_paragraphs([first, *rest]))
    return DocText(_find_summary(head, followed=bool(starts)), dict(_read_parameters(sections.get("parameters", []))))


def _split_paragraphs(lines: Iterable[str]) -> list[list[str]]:
    return [list(group) for is_text, group in groupby(lines, lambda line: bool(line.strip())) if is_text]


def _is_heading(paragraph: list[str]) -> bool:
    if len(paragraph) < 2:
        return False
    title, underline = paragraph[0].strip(), paragraph[1].strip()
    return underline.startswith(("-" * len(title), "=" * len(title)))


def _join_paragraphs(paragraphs: Iterable[list[str]]) -> list[str]:
    lines: list[str] = []
    for paragraph in paragraphs:
        if lines and paragraph:
            lines.append("")
        lines += paragraph
    return textwrap.dedent("\n".join(lines)).split("\n")


def _find_summary(paragraphs: list[list[str]], *, followed: bool) -> str:
    for index, paragraph in enumerate(paragraphs):
        # Functions written in C begin with their call signature, which is no summary.
        is_signature = _SIGNATURE.fullmatch(" ".join(line.strip() for line in paragraph))
        if not is_signature or (followed and index == len(paragraphs) - 1):
            return "\n".join(paragraph)
    return ""


def _read_parameters(lines: list[str]) -> Iterator[tuple[str, str]]:
    header, text = "", list[str]()
    for line in [*lines, "end"]:
        if line.startswith(" ") or not line.strip():
            text.append(line)
            continue
        description = textwrap.dedent("\n".join(text)).strip("\n")
        yield from ((name, description) for name in _split_names(header))
        header, text = line, []


def _split_names(header: str) -> list[str]:
    names = header.partition(":")[0].replace("*", "").split(",")
    return [name.strip() for name in names if name.strip()]
