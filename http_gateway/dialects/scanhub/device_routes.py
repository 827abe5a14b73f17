"""The form of the routes of devices: how one is declared, and how ids and answers are read. It asks nobody."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.dialects.scanhub.exam_calls import call
from http_gateway.dialects.scanhub.exam_routes import Told, describe
from http_gateway.link import Caller
from http_gateway.routes import Route
from queue_server.protocol.errors import NotFoundError, ParameterError

PREFIX: Final = "/device"

Handler = Callable[[Request, Caller], Awaitable[Response]]


def device_route(verb: str, path: str, handler: Handler, scope: str, **told: Any) -> Route:
    """Return a route below the prefix of devices; its operation has the name of the handler.

    ``told`` are the fields of ``Told``.
    """
    operation = describe(verb, path, Told(matches=False, **told))
    document = {"operationId": getattr(handler, "__name__", path), **operation}
    summary = (handler.__doc__ or "").partition("\n")[0]
    return Route(verb=verb, path=f"{PREFIX}{path}", scope=scope, handler=handler, summary=summary, document=document)


def device_id_of(text: object) -> str:
    """Return the id of a device in its canonical form.

    Raises:
        NotFoundError: it is no UUID, so that no device has it.
    """
    try:
        return str(uuid.UUID(str(text)))
    except ValueError as error:
        raise NotFoundError("There is no such device.") from error


async def find_device(request: Request, caller: Caller, device_id: str) -> dict[str, Any]:
    """Return a device as the manager knows it.

    Raises:
        NotFoundError: there is none.
    """
    reply = await call(request, caller, "device_get", device_id=device_id)
    return reply["device"]


def query_value(request: Request, name: str, form: TypeAdapter[Any], default: Any) -> Any:
    """Return a value of the query in this form.

    Raises:
        ParameterError: it has another one.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        return form.validate_python(text)
    except ValidationError as error:
        message = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise ParameterError(f"'{name}': {message[:1].lower()}{message[1:]}.", field=name) from error
