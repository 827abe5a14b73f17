"""The stream as server-sent events, for scripts and pages that only read."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from http_gateway.authorize import require
from http_gateway.errors import GatewayError
from http_gateway.link import Caller
from http_gateway.routes import services_of
from http_gateway.stream_access import ACK_PATIENCE_S, Access, race, within_patience
from http_gateway.stream_frames import Frame
from http_gateway.stream_session import ReaderCutError, StreamSession
from http_gateway.stream_topics import find_topic, is_resumable, read_wishes
from http_gateway.streams import StreamHub, hub_of
from http_gateway.turns import Turns
from queue_server.protocol.errors import ParameterError

DEFAULT_TOPICS = "hb,status"

_log = logging.getLogger(__name__)


async def serve_events(request: Request, caller: Caller) -> Response:
    """Return an endless answer for the topics in the query."""
    services, hub = services_of(request), hub_of(request)
    hub.check_room()
    message = _read_query(request)
    access = Access(request, services)
    identity = await access.enter(caller)
    wishes = read_wishes(message)
    for wish in wishes:
        require(identity, find_topic(wish.topic).scope)
    reader = Caller(identity, caller.request_id, caller.client)
    session = StreamSession(hub, reader, services.clock, text_only=True)
    return _EventStream(hub, session, access, message)


def _read_query(request: Request) -> dict[str, Any]:
    unknown = sorted(set(request.query_params) - {"topics", "since", "hz", "ticket", "api_key"})
    if unknown:
        raise ParameterError(f"The query has {unknown}; known are topics, since, hz, ticket.", field=unknown[0])
    for name in request.query_params:
        if len(request.query_params.getlist(name)) > 1:
            raise ParameterError(f"The query has {name!r} more than once.", field=name)
    query = request.query_params
    since = _read_positions(query.get("since") or request.headers.get("last-event-id", ""))
    entries: list[Any] = query.get("topics", DEFAULT_TOPICS).split(",")
    if "hz" in query:
        entries = [{"topic": name, "hz": _read_number(query["hz"])} for name in entries]
    return {"op": "sub", "topics": entries, "since": since}


def _read_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ParameterError("'hz' must be a number.", field="hz") from None


def _read_positions(text: str) -> dict[str, int]:
    positions: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        name, _, number = part.partition(":")
        if not number.isdecimal() or not number.isascii() or len(number) > 18:
            raise ParameterError("'since' must have the form TOPIC:NUMBER,TOPIC:NUMBER.", field="since")
        positions[name] = int(number)
    return positions


class _EventStream(Response):
    """Sends frames as events, each with the numbers from which a client resumes as its id."""

    media_type = "text/event-stream"

    def __init__(self, hub: StreamHub, session: StreamSession, access: Access, message: dict[str, Any]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._session = session
        self._access = access
        self._message = message
        self._positions: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the client goes, or has to go."""
        try:
            with self._hub.reader("sse"):
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                speaking = self._speak(send, services_of(Request(scope)).turns)
                await race(_await_end(receive), speaking, self._access.keep(self._session))
        except ReaderCutError as error:
            self._hub.metrics.stream_cut.labels(error.reason).inc()
        except GatewayError as error:
            _log.debug("A stream ends: %s", error.message)
        finally:
            self._session.close()
        await _finish(send)

    async def _speak(self, send: Send, turns: Turns) -> None:
        await self._session.obey(self._message)
        while True:
            frame = await self._session.next_frame(ACK_PATIENCE_S)
            await turns.wait()
            data = self._encode(frame)
            await within_patience(send({"type": "http.response.body", "body": data, "more_body": True}))

    def _encode(self, frame: Frame) -> bytes:
        if frame.counted and is_resumable(frame.topic):
            self._positions[frame.topic] = frame.seq
        place = ",".join(f"{name}:{number}" for name, number in self._positions.items())
        lines = [f"id: {place}"] if place else []
        return "\n".join([*lines, f"event: {frame.topic or 'control'}", f"data: {frame.text}", "", ""]).encode()


async def _await_end(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _finish(send: Send) -> None:
    try:
        async with asyncio.timeout(1):
            await send({"type": "http.response.body", "body": b"", "more_body": False})
    except (TimeoutError, OSError):
        _log.debug("A stream could not be ended in order")
