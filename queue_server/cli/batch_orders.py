"""What is to be created as a batch, from the words of a command line and the files that they name. Talks to nobody."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from msgspec import Struct

from queue_server.cli.files import read_document
from queue_server.cli.tables import Row, is_table, read_table
from queue_server.cli.values import item_of, read_value
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.sweeps import apply_point

REFERENCE: Final = "reference"
"""The column of a table that is no parameter, but what the client calls the item."""

_NAMED = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*|args\[[0-9]{1,3}\])=(.*)", re.DOTALL)
_RANGE = re.compile(r"([^:\[\]{}\"']+):([^:\[\]{}\"']+):([0-9]{1,9})")
_WHOLE = ("items", "sweep")

Order = dict[str, Any]


class Base(Struct, frozen=True):
    """What all items have in common: a plan or a workflow, arguments by position, and values by name."""

    plan: str | None
    workflow: str | None
    args: str | None
    fixed: Sequence[str]

    @property
    def is_given(self) -> bool:
        """Whether there is anything of it."""
        return bool(self.plan or self.workflow or self.args or self.fixed)


def read_order(file: str | None, base: Base, sweep: Sequence[str], kind: str) -> Order:
    """Return the parameters of the request that creates the batch.

    Raises:
        ParameterError: it is not clear what to create; nothing was read that is not needed.
    """
    if file is not None and sweep:
        raise ParameterError("Give a file or --sweep, not both.", field="--sweep")
    if file is None:
        if not sweep:
            raise ParameterError("What is to be created? Give a file, or --plan or --workflow with --sweep.")
        return _sweep(base, sweep, kind)
    source = file.removeprefix("@")
    if is_table(source):
        return _fill(base, read_table(source))
    if base.is_given:
        raise ParameterError(f"{source} says it all; leave --plan, --workflow, --args and --set out.", field=source)
    return _read_file(source)


def _sweep(base: Base, words: Sequence[str], kind: str) -> Order:
    if kind not in {"grid", "zip"}:
        raise ParameterError(f"--kind is grid or zip, not {kind!r}.", field="--kind")
    parameters = {name: _read_values(name, text) for name, text in _read_named(words, "--sweep").items()}
    common = {"base": _plan_of(base) if base.workflow is None else _values_of(base)}
    order: Order = {"sweep": {"kind": kind, "parameters": parameters, **common}}
    return order if base.workflow is None else {**order, "workflow_id": base.workflow}


def _fill(base: Base, rows: Sequence[Row]) -> Order:
    """Return an item for each row of a table."""
    item = _plan_of(base) if base.workflow is None else None
    values = {} if item is not None else _values_of(base)
    items: list[dict[str, Any]] = []
    for row in rows:
        point = {name: value for name, value in row.items() if name != REFERENCE}
        entry: dict[str, Any] = (
            {"arguments": {**values, **point}} if item is None else {"item": apply_point(item, point)}
        )
        if REFERENCE in row:
            entry[REFERENCE] = str(row[REFERENCE])
        items.append(entry)
    return {"items": items} if base.workflow is None else {"items": items, "workflow_id": base.workflow}


def _plan_of(base: Base) -> dict[str, Any]:
    if base.plan is None:
        raise ParameterError("Of what? Name a plan (--plan) or a workflow (--workflow).", field="--plan")
    args = [] if base.args is None else read_value(base.args)
    if not isinstance(args, list):
        raise ParameterError(f"--args must be a list such as '[[\"det1\"], 5]', not {base.args!r}.", field="--args")
    return {"item_type": "plan", "name": base.plan, "args": cast("list[Any]", args), "kwargs": _fixed_of(base)}


def _values_of(base: Base) -> dict[str, Any]:
    if base.plan is not None or base.args is not None:
        raise ParameterError("A workflow has its plan: leave --plan and --args out.", field="--workflow")
    return _fixed_of(base)


def _fixed_of(base: Base) -> dict[str, Any]:
    return {name: read_value(text) for name, text in _read_named(base.fixed, "--set").items()}


def _read_named(words: Sequence[str], option: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        named = _NAMED.fullmatch(word)
        if named is None:
            raise ParameterError(f"{option} {word!r} is not of the form NAME=VALUE.", field=option)
        if named[1] in found:
            raise ParameterError(f"{option}: {named[1]!r} is given twice.", field=option)
        found[named[1]] = named[2]
    return found


def _read_values(name: str, text: str) -> object:
    limits = _RANGE.fullmatch(text)
    if limits is not None:
        start, stop = read_value(limits[1]), read_value(limits[2])
        return {"start": start, "stop": stop, "num": int(limits[3])}
    values = read_value(text)
    if not isinstance(values, list):
        raise ParameterError(f"--sweep {name} needs a list or START:STOP:NUM, not {text!r}.", field="--sweep")
    return cast("list[Any]", values)


def _read_file(source: str) -> Order:
    content = read_document(source)
    if isinstance(content, Mapping) and any(name in content for name in _WHOLE):
        return dict(cast("Mapping[str, Any]", content))
    if not isinstance(content, list) or not content:
        raise ParameterError(
            f"{source} must hold a list of items, or a map with 'items' or 'sweep' as batch_create takes it.",
            field=source,
        )
    members = cast("list[object]", content)
    return {"items": [_entry_of(member, f"{source}, item {number}") for number, member in enumerate(members, start=1)]}


def _entry_of(member: object, place: str) -> dict[str, Any]:
    """Return an item of a batch; a plan or another item of a queue may stand for itself."""
    if isinstance(member, dict) and {"item", "arguments"} & cast("dict[str, Any]", member).keys():
        return cast("dict[str, Any]", member)
    return {"item": item_of(member, place)}
