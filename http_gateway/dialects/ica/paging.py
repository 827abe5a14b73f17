"""Which page of which items a query asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from http_gateway.dialects.ica.analyses import CREATION
from http_gateway.dialects.ica.errors import refuse_places
from queue_server.protocol.submissions import Processing

DEFAULT_SIZE: Final = 100
MOST_SIZE: Final = 1_000
MOST_ROWS: Final = 200_000
"""How far offsets reach; cursors go on."""
_NAMES: Final = ("status", "pageOffset", "pageToken", "pageSize")
_STATUSES: Final[Mapping[str, Processing]] = {shown: ours for ours, shown in CREATION.items()}
# Longer numbers are out of every range.
_NUMBER: Final = re.compile("[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Page:
    """A page: behind ``offset`` items, or where ``token`` leads (the first page if it is empty)."""

    size: int
    offset: int | None
    token: str
    statuses: frozenset[Processing]


def read_page(request: Request) -> Page:
    """Return the page that the query asks for.

    Raises:
        ContentError: a value is unknown, out of range, or contradicts another one; all of them are named.
    """
    query = request.query_params
    problems: list[tuple[str, str]] = [(name, "is not a parameter here") for name in query if name not in _NAMES]
    problems += [(name, "is there twice") for name in _NAMES[1:] if len(query.getlist(name)) > 1]
    size = _read_number(query.get("pageSize"), (1, MOST_SIZE), "pageSize", problems)
    offset = _read_number(query.get("pageOffset"), (0, MOST_ROWS), "pageOffset", problems)
    token = query.get("pageToken", "")
    if offset is not None and token:
        problems.append(("pageOffset", "cannot be given beside a pageToken"))
    if offset is not None and offset + (size or DEFAULT_SIZE) > MOST_ROWS:
        problems.append(("pageOffset", f"with pageSize goes beyond {MOST_ROWS} rows; use pageToken"))
    statuses = query.getlist("status")
    unknown = [each for each in statuses if each not in _STATUSES]
    if unknown:
        problems.append(("status", f"{unknown[0][:100]!r} is none of {', '.join(_STATUSES)}"))
    if problems:
        raise refuse_places(problems)
    return Page(size or DEFAULT_SIZE, offset, token, frozenset(_STATUSES[each] for each in statuses))


def _read_number(text: str | None, bounds: tuple[int, int], name: str, problems: list[tuple[str, str]]) -> int | None:
    if text is None:
        return None
    least, most = bounds
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
        problems.append((name, f"must be a whole number from {least} to {most}"))
        return None
    return int(text)
