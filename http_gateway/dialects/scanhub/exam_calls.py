"""What all routes of exam records do: read ids, versions and bodies, ask the manager, and write answers."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import orjson
from msgspec.structs import replace
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.bounded import read_whole
from http_gateway.dialects.scanhub.exam_errors import UnfitError, error_in
from http_gateway.errors import BodyError, TooLargeError
from http_gateway.link import Caller, Conditions
from http_gateway.routes import services_of
from queue_server.protocol.codec import CLIENT_BOUNDS, decode
from queue_server.protocol.errors import EnvelopeError, ParameterError, StaleError
from queue_server.protocol.methods import METHODS

M = TypeVar("M")

MOST_LISTED: Final = 20_000
"""Records in one answer; sites that have more read them in pages."""
_PAGE: Final = 500
_MOST_PROBLEMS: Final = 5
# What is put around the values of a body on their way to the manager counts there too.
_BOUNDS = replace(CLIENT_BOUNDS, depth=CLIENT_BOUNDS.depth - 4)
_VERSION = re.compile("[1-9][0-9]{0,9}")
_MALFORMED_ID = frozenset({"uuid_parsing", "uuid_type"})


async def call(request: Request, caller: Caller, method: str, **params: Any) -> dict[str, Any]:
    """Return the reply of the manager; what changes something is done once under its ``Idempotency-Key``.

    Raises:
        CuelightError: the manager refuses, or does not answer.
    """
    declared = METHODS[method]
    claims = {"user": caller.identity.user, "user_group": caller.identity.group}
    given = params | {name: value for name, value in claims.items() if name in declared.params.model_fields}
    key = request.headers.get("idempotency-key") if declared.kind == "mutation" else None
    reply = await services_of(request).link.call(method, given, caller, Conditions(key or None))
    if reply.get("success") is not True:
        raise error_in(reply)
    return reply


async def list_all(request: Request, caller: Caller, method: str, key: str, **params: Any) -> list[dict[str, Any]]:
    """Return all records of a list of the manager, whose reply has them as ``key``.

    Raises:
        TooLargeError: there are more than one answer may have.
        CuelightError: as ``call``.
    """
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = await call(request, caller, method, limit=_PAGE, cursor=cursor, **params)
        found += page[key]
        cursor = page.get("next_cursor")
        if cursor is None:
            return found
        if len(found) >= MOST_LISTED:
            raise TooLargeError(
                f"There are more than {MOST_LISTED} records. Read them in pages at /v1{METHODS[method].route[1]}."
            )


# --- what requests say ----------------------------------------------------------------------------------------------


def read_uuid(text: str, name: str) -> str:
    """Return an id in its canonical form.

    Raises:
        UnfitError: it is no UUID.
    """
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise UnfitError(f"{name!r} must be a UUID.", details={"field": name}) from error


def path_id(request: Request, name: str) -> str:
    """Return an id in the path; raises as ``read_uuid``."""
    return read_uuid(str(request.path_params[name]), name)


def query_id(request: Request, name: str) -> str | None:
    """Return an id in the query, None if there is none; raises as ``read_uuid``."""
    text = request.query_params.get(name)
    return None if text is None else read_uuid(text, name)


def needed_id(request: Request, name: str) -> str:
    """Return an id that the query must have.

    Raises:
        ParameterError: it has none.
        UnfitError: it is no UUID.
    """
    found = query_id(request, name)
    if found is None:
        raise ParameterError(f"The query needs {name!r}.", field=name)
    return found


def query_flag(request: Request, name: str) -> bool:
    """Return a truth value in the query, false if there is none.

    Raises:
        ParameterError: it is neither true nor false.
    """
    text = request.query_params.get(name, "false")
    try:
        return _BOOL.validate_python(text)
    except ValidationError as error:
        raise ParameterError(f"{name!r} must be true or false.", field=name) from error


_BOOL = TypeAdapter(bool)


def version_of(request: Request) -> int | None:
    """Return the version that the header ``If-Match`` demands, None if any will do.

    Raises:
        StaleError: it is no version, so that no record can have it.
    """
    text = request.headers.get("if-match", "*").strip()
    if text == "*":
        return None
    digits = text.strip('"')
    if _VERSION.fullmatch(digits):
        return int(digits)
    raise StaleError("If-Match must have the 'version' of the record; nothing was done.")


async def read_body(request: Request) -> dict[str, Any] | None:
    """Return the JSON object in the body; None if there is no body.

    Raises:
        BodyError: it is no JSON object, or nested too deeply.
        TooLargeError, SlowBodyError: it is too large or too slow.
    """
    data = (await read_whole(request)).strip()
    if not data:
        return None
    if not data.startswith(b"{"):
        raise BodyError("The body must be a JSON object.", kind="dict_type")
    try:
        return decode(data, _BOUNDS)[0]
    except EnvelopeError as error:
        raise BodyError(error.message, kind="json_invalid") from error


async def read_as(request: Request, form: TypeAdapter[M]) -> M:
    """Return what the body says, in this form.

    Raises:
        ParameterError: a value is missing or of a wrong type; the message names it.
        UnfitError: nothing is wrong but ids, which are malformed.
        BodyError, TooLargeError, SlowBodyError: there is no body, or it cannot be read.
    """
    value = await read_body(request)
    if value is None:
        raise BodyError("The request needs a body of JSON.")
    return shape(value, form)


def shape(value: Any, form: TypeAdapter[M]) -> M:
    """Return a value in this form; raises as ``read_as``."""
    try:
        return form.validate_python(value)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        named = [(".".join(map(str, each["loc"])) or "body", each["msg"]) for each in problems[:_MOST_PROBLEMS]]
        text = "; ".join(f"'{name}': {message[:1].lower()}{message[1:]}" for name, message in named)
        if all(each["type"] in _MALFORMED_ID for each in problems):
            raise UnfitError(f"{text}.", details={"field": named[0][0]}) from error
        raise ParameterError(f"{text}.", field=named[0][0]) from error


def given_in(values: BaseModel) -> dict[str, Any]:
    """Return what a client has given, as values of JSON; what it has left out stays as it is."""
    return values.model_dump(mode="json", exclude_unset=True)


# --- answers --------------------------------------------------------------------------------------------------------


async def answer_all(
    request: Request, caller: Caller, method: str, key: str, show: Callable[[Mapping[str, Any]], object], **params: Any
) -> Response:
    """Answer with all records of a list of the manager, each as it is shown; raises as ``list_all``."""
    return answer([show(each) for each in await list_all(request, caller, method, key, **params)])


def answer(content: object, status: int = 200) -> Response:
    """Return an answer of JSON."""
    return Response(orjson.dumps(content), status, media_type="application/json")


def done() -> Response:
    """Return the answer to what has nothing to tell."""
    return Response(status_code=204)


def show_exam(exam: Mapping[str, Any]) -> dict[str, Any]:
    """Return an exam as clients of this dialect see it."""
    return {**exam, "workflows": [show_workflow(each) for each in exam.get("workflows", ())]}


def show_workflow(workflow: Mapping[str, Any]) -> dict[str, Any]:
    """Return a workflow as clients of this dialect see it."""
    return {**workflow, "tasks": [show_task(each) for each in workflow.get("tasks", ())]}


def show_task(task: Mapping[str, Any]) -> dict[str, Any]:
    """Return an exam task as clients of this dialect see it."""
    return {**task, "results": [show_result(each) for each in task.get("results", ())]}


def show_result(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result as clients of this dialect see it; it tells neither who made nor when who changed it."""
    return {name: value for name, value in result.items() if name not in ("creator", "datetime_updated")}
