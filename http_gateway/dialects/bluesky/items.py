"""One item of the queue by its path, as Finch asks for it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.dialects.bluesky.bodies import Values, read_values
from http_gateway.dialects.bluesky.forwarding import show_reply
from http_gateway.dialects.bluesky.forwards import FORWARDS
from http_gateway.errors import VerbError
from http_gateway.link import Caller
from http_gateway.routes import Route, services_of
from queue_server.protocol.methods import METHODS

_PREFIX = "/queue/item/"
_TAKEN = frozenset(forward.path.removeprefix(_PREFIX) for forward in FORWARDS if forward.path.startswith(_PREFIX))


class _Nothing(Values):
    pass


async def _tell_item(request: Request, caller: Caller) -> Response:
    uid = request.path_params["uid"]
    if uid in _TAKEN:
        # A path of its own, for other verbs.
        raise VerbError("Method Not Allowed")
    await read_values(request, _Nothing)
    frame = await services_of(request).link.ask("queue_item_get", {"uid": uid}, caller)
    return show_reply(frame)


ROUTES = (
    Route(
        verb="GET",
        path=f"{_PREFIX}{{uid}}",
        scope=METHODS["queue_item_get"].scope,
        handler=_tell_item,
        summary="One item of the queue.",
    ),
)
