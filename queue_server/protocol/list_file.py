"""The compact form of the list file of plans and devices: JSON, one entry a line, which is YAML too. Opens no file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

import orjson

LIST_FILE: Final = "existing_plans_and_devices.yaml"
PLANS: Final = "existing_plans"
DEVICES: Final = "existing_devices"

HEADING: Final = "# Written by a program, and written again when plans or devices change.\n"

MOST_YAML_BYTES: Final = 4_000_000
"""A larger list file is read only in the compact form: some seconds are what a start and an opening may wait for it."""

# What JSON may hold as it is, and YAML does not, or takes for the end of a line.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def render_lists(plans: Mapping[str, Any], devices: Mapping[str, Any]) -> str:
    """Return the text of a list file: of the shape ``{existing_plans: {name: description}, existing_devices: …}``.

    Long lists are read from it a hundred times faster than from YAML in blocks.
    """
    lists = [f'"{name}": ' + _join(_lines(entries)) for name, entries in ((DEVICES, devices), (PLANS, plans))]
    return HEADING + _join(lists) + "\n"


def parse_lists(text: bytes) -> dict[str, Any] | None:
    """Return what the text of a list file says; None if that is not JSON, so that it must be read as YAML."""
    lines = text.splitlines(keepends=True)
    start = next((at for at, line in enumerate(lines) if not line.startswith(b"#")), len(lines))
    try:
        content: object = orjson.loads(b"".join(lines[start:]))
    except orjson.JSONDecodeError:
        return None
    return cast("dict[str, Any]", content) if isinstance(content, dict) else None


def make_plain(descriptions: Mapping[str, Any]) -> dict[str, Any]:
    """Return descriptions as a reader of the file gets them: in lists, maps and plain values only."""
    return orjson.loads(orjson.dumps(descriptions, option=orjson.OPT_NON_STR_KEYS))


def _join(lines: Iterable[str]) -> str:
    return "{\n" + ",\n".join(lines) + "\n}"


def _lines(entries: Mapping[str, Any]) -> Iterator[str]:
    for name, description in entries.items():
        line = f"{_dump(name)}: {_dump(description)}"
        yield _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found.group()):04x}", line)


def _dump(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
