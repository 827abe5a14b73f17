"""The routes that create a batch and show it."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.bounded import read_whole
from http_gateway.dialects.ica.addresses import PATH, READ, WRITE, answer, path_ids, project_of
from http_gateway.dialects.ica.answers import write_batch
from http_gateway.dialects.ica.asking import call
from http_gateway.dialects.ica.creation import Wanted, read_items
from http_gateway.dialects.ica.errors import ContentError, refuse_places
from http_gateway.dialects.ica.face import FACE
from http_gateway.dialects.ica.negotiation import Version, choose_version, require_version
from http_gateway.dialects.ica.pipelines import name_workflows
from http_gateway.dialects.ica.strict_json import fingerprint_of, read_json
from http_gateway.link import Caller
from http_gateway.routes import Route, services_of
from queue_server.protocol.errors import NotFoundError

_KEY_HEADER: Final = "Idempotency-Key"
_LONGEST_KEY: Final = 255


async def create_batch(request: Request, caller: Caller) -> Response:
    """Create a batch of analyses, all or none; under the same key once."""
    version = choose_version(request, (Version.V3,))
    require_version(request, Version.V3)
    key = _key_of(request)
    settings = services_of(request).settings.ica
    data = await read_whole(request, settings.most_body_bytes)
    body = await asyncio.to_thread(read_json, data)
    project = project_of(request, caller)
    given: dict[str, Any] = {"project": project}
    if key is not None:
        endpoint = f"POST {FACE.prefix}{PATH.replace('{projectId}', project)}"
        fingerprint = await asyncio.to_thread(fingerprint_of, body)
        given["idempotency"] = {"key": key, "endpoint": endpoint, "fingerprint": fingerprint}
        given["answer"] = {"status": 201, "media_type": version.media_type}
    try:
        wanted = await asyncio.to_thread(read_items, body, settings.most_items)
    except ContentError:
        if key is None or not (reply := await _find_answer(request, caller, given)):
            raise
    else:
        await name_workflows(request, caller, wanted.items)
        reply = await _create(request, caller, wanted, given)
    return answer(write_batch(reply["batch"]), version, 201)


async def get_batch(request: Request, caller: Caller) -> Response:
    """Show a batch."""
    version = choose_version(request, (Version.V3,))
    [batch_id] = path_ids(request, "batchId")
    return answer(write_batch(await find_batch(request, caller, batch_id)), version)


async def find_batch(request: Request, caller: Caller, batch_id: str) -> dict[str, Any]:
    """Return a batch of the project in the path.

    Raises:
        NotFoundError: the project has no such batch.
        CuelightError: as ``project_of`` and ``call``.
    """
    project = project_of(request, caller)
    reply = await call(request, caller, "batch_get", batch_id=batch_id)
    batch: dict[str, Any] = reply["batch"]
    if batch["project"] != project:
        raise NotFoundError(f"The project has no batch {batch_id}.")
    return batch


def _key_of(request: Request) -> str | None:
    keys = request.headers.getlist(_KEY_HEADER)
    if not keys:
        return None
    if len(keys) > 1 or not 0 < len(keys[0]) <= _LONGEST_KEY:
        raise refuse_places([(_KEY_HEADER, f"must have 1 to {_LONGEST_KEY} characters, and stand there once")])
    return keys[0]


async def _find_answer(request: Request, caller: Caller, given: dict[str, Any]) -> dict[str, Any] | None:
    """Return the reply that is kept under the key, if there is one; what is known about a key counts before items do.

    Raises:
        InFlightError, ReusedKeyError: the key is that of another request.
    """
    try:
        # The manager looks for the key first, and refuses a batch without items.
        return await call(request, caller, "batch_create", items=[], **given)
    except ContentError:
        return None


async def _create(request: Request, caller: Caller, wanted: Wanted, given: dict[str, Any]) -> Any:
    limit_s = services_of(request).settings.ica.creation_s
    try:
        return await call(request, caller, "batch_create", limit_s, items=wanted.items, **given)
    except ContentError as error:
        places = [(wanted.place_of(place), text) for place, text in error.places.items()]
        raise refuse_places(places) if places else error from None
    except NotFoundError as error:
        # The project is there, so it is something that the body names.
        raise ContentError(error.message) from error


ROUTES = (
    Route(verb="POST", path=PATH, scope=WRITE, handler=create_batch, summary="Create a batch of analyses."),
    Route(verb="GET", path=f"{PATH}/{{batchId}}", scope=READ, handler=get_batch, summary="Show a batch of analyses."),
)
