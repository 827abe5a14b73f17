"""Batches from spreadsheets on the native route: each row of a table is the parameters of one item."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import Field
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.bounded import bounded, read_whole
from http_gateway.errors import BodyError, TooLargeError
from http_gateway.identity import Identity
from http_gateway.link import Caller
from http_gateway.media import answer, describe_parameter
from http_gateway.problem import Problem, problem_in, show
from http_gateway.routes import conditions_of, request_id_of, services_of
from http_gateway.spreadsheets.desk import ReadingDesk
from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.limits import LIMITS
from http_gateway.spreadsheets.reading import read_rows
from http_gateway.spreadsheets.tables import Table, read_table
from http_gateway.values import convert, merge, read_query
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.method import LaneLockableParams, Method
from queue_server.protocol.methods import METHODS
from queue_server.protocol.methods.batches import BatchCreateParams
from queue_server.protocol.methods.items import Position
from queue_server.protocol.sweeps import apply_point

METHOD: Final = METHODS["batch_create"]
REFERENCE: Final = "reference"
"""The column that is no parameter, but what the client calls the item."""

_FORM, _FILE = "multipart/form-data", "file"
_ENDINGS: Final = {
    "text/csv": ".csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
}
_MOST_FIELDS = 16
_LONGEST_FIELD_BYTES = 64 * 1024
_FORM_BYTES = (_MOST_FIELDS + 1) * 2 * _LONGEST_FIELD_BYTES
_ITEM = re.compile(r"items\[(\d+)\](?:\.(?:arguments|item(?:\.kwargs)?)\.([A-Za-z_][\w-]*(?:\[\d+\])?))?")


def _of_batch(name: str) -> Any:
    return BatchCreateParams.model_fields[name]


class TableParams(LaneLockableParams):
    """What all items of the table have in common, and where they go."""

    plan: str | None = Field(default=None, min_length=1, max_length=128, description="Plan of all items.")
    args: list[Any] | None = Field(default=None, description="Arguments of the plan by position.")
    workflow_id: str | None = _of_batch("workflow_id")
    common: dict[str, Any] | None = Field(
        default=None, description="Arguments by name that all items have; a column of the same name comes before."
    )
    name: str = _of_batch("name")
    project: str = _of_batch("project")
    pos: Position | None = _of_batch("pos")
    held: bool = _of_batch("held")


# Only its parameters are read with it; the manager knows no such method.
_TABLE = Method(
    name="batch_table", summary="", kind="mutation", scope=METHOD.scope, route=METHOD.route, params=TableParams
)
_TEXTS = ("plan", "workflow_id", "name", "project", "lane", "lock_key")

ABOUT: Final = (
    "In place of the map, the body may be a table (CSV, XLSX or ODS, at most 8 MiB), or a form with it as `file`: the "
    "names of parameters in the first row, an item in each row below. An empty cell leaves its parameter out, the "
    "column `reference` is what the client calls the item, and `args[2]` is the third of `args`. Either `plan` or "
    "`workflow_id` is given, in the query or as a field of the form, and so are the other parameters. What is wrong "
    "with a cell is told with its row and column."
)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A file, how its name ends, and what was said with it."""

    data: bytes
    file_name: str
    given: Mapping[str, Any]


def is_table(request: Request) -> bool:
    """Whether the body of a request is a table, or a form that may have one."""
    return _kind_of(request) in (*_ENDINGS, _FORM)


async def create(request: Request, caller: Caller, desk: ReadingDesk) -> Response:
    """Create a batch from the table that a request has, and answer as for any other batch.

    Raises:
        SpreadsheetError: the table cannot be read; the message names row and column.
        ParameterError, BodyError: what is said with it cannot be used.
        TooLargeError: it is over a limit.
    """
    sent = await _read(request)
    params = _TABLE.parse(dict(sent.given))
    assert isinstance(params, TableParams)
    table: Table = await desk.run(lambda: read_table(read_rows(sent.data, sent.file_name)))
    order = _order(table, params, caller.identity)
    reply = await services_of(request).link.call(METHOD.name, order, caller, conditions_of(request))
    if not reply.get("success"):
        return show(_with_places(problem_in(reply), table), request_id_of(request))
    return answer(request, {name: value for name, value in reply.items() if name not in ("success", "msg")})


def describe_bodies() -> dict[str, Any]:
    """Return what OpenAPI says of the bodies, by their media types."""
    schema = TableParams.model_json_schema()
    binary = {"type": "string", "format": "binary"}
    form = {"type": "object", "required": [_FILE], "properties": {_FILE: binary, **schema["properties"]}}
    return {**{kind: {"schema": binary} for kind in _ENDINGS}, _FORM: {"schema": form}}


def describe_query() -> list[dict[str, Any]]:
    """Return what OpenAPI says of the query that goes with a table."""
    return [
        describe_parameter(name, "query", f"With a table: {schema.pop('description')}", schema)
        for name, schema in TableParams.model_json_schema()["properties"].items()
    ]


def _kind_of(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _read(request: Request) -> _Sent:
    query = read_query(request, TableParams, _TEXTS)
    kind = _kind_of(request)
    if kind == _FORM:
        return await _read_form(request, query)
    return _Sent(await read_whole(request, LIMITS.file_bytes), f"body{_ENDINGS[kind]}", query)


async def _read_form(request: Request, query: Mapping[str, Any]) -> _Sent:
    try:
        whole = bounded(request, LIMITS.file_bytes + _FORM_BYTES)
        async with whole.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=_LONGEST_FIELD_BYTES) as form:
            file = form.get(_FILE)
            if not isinstance(file, UploadFile):
                raise BodyError(f"The form must have the table as the file {_FILE!r}.")
            if (file.size or 0) > LIMITS.file_bytes:
                raise TooLargeError(f"The table has more than {LIMITS.file_bytes} bytes.")
            fields: dict[str, Any] = {}
            for name, value in form.multi_items():
                if name == _FILE:
                    continue
                if isinstance(value, UploadFile) or name in fields:
                    raise ParameterError(f"The form must have {name!r} once, as text.", field=name)
                fields[name] = value if name in _TEXTS else convert(value, TableParams, name)
            return _Sent(await file.read(), file.filename or "", merge(fields, query))
    except HTTPException as error:
        raise BodyError(f"The form cannot be read: {error.detail}") from error


def _order(table: Table, params: TableParams, identity: Identity) -> dict[str, Any]:
    if (params.plan is None) == (params.workflow_id is None):
        raise ParameterError("Say of what the items are: give either 'plan' or 'workflow_id'.", field="plan")
    if params.plan is None and params.args is not None:
        raise ParameterError("A workflow has no arguments by position: leave 'args' out.", field="args")
    own = params.model_dump(exclude={"plan", "args", "common"}, exclude_none=True, exclude_defaults=True)
    items = [_item(table, index, params) for index in range(len(table.points))]
    return {**own, "items": items, "user": identity.user, "user_group": identity.group}


def _item(table: Table, index: int, params: TableParams) -> dict[str, Any]:
    values = {name: value for name, value in table.points[index].items() if name != REFERENCE}
    common: dict[str, Any] = params.common or {}
    if params.plan is None:
        entry: dict[str, Any] = {"arguments": {**common, **values}}
    else:
        base = {"item_type": "plan", "name": params.plan, "args": params.args or [], "kwargs": common}
        entry = {"item": _apply(table, index, base, values)}
    reference = table.points[index].get(REFERENCE)
    return entry if reference is None else {**entry, REFERENCE: str(reference)}


def _apply(table: Table, index: int, base: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in values.items():
        try:
            base = apply_point(base, {name: value})
        except ParameterError as error:
            text = f"the plan has {len(base['args'])} arguments by position ('args'), and none at this one"
            raise SpreadsheetError(f"{table.place_of(index, name)}: {text}.") from error
    return dict(base)


def _with_places(problem: Problem, table: Table) -> Problem:
    """Return the problem with rows and columns in the place of the indices of items."""

    def show_place(found: re.Match[str]) -> str:
        index = int(found[1])
        if index >= len(table.numbers):
            return found[0]
        name = found[2] or ""
        place = table.place_of(index, name)
        return place if not name or name in table.names else f"{place} ({name!r})"

    text = _ITEM.sub(show_place, problem.text)
    errors: list[dict[str, Any]] = problem.details.get("errors", [])
    placed = [{**each, "place": _ITEM.sub(show_place, str(each.get("field", "")))} for each in errors]
    return replace(problem, text=text, details={**problem.details, **({"errors": placed} if placed else {})})
