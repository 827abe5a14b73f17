"""The stream as a WebSocket, and the routes of both its forms. Opening or closing one changes nothing."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from http_gateway.authorize import ANYBODY_KNOWN, PUBLIC
from http_gateway.chatter import Chatter, FloodError
from http_gateway.errors import ClosingError, CredentialError, ThrottledError
from http_gateway.identity import Identity
from http_gateway.link import Caller
from http_gateway.media import answer, describe_answer
from http_gateway.routes import CLOSE_FORBIDDEN, CLOSE_RESTART, Route, Socket, services_of
from http_gateway.stream_access import ACK_PATIENCE_S, Access, race, within_patience
from http_gateway.stream_events import DEFAULT_TOPICS, serve_events
from http_gateway.stream_frames import Frame, make_control
from http_gateway.stream_session import MOST_UNACKNOWLEDGED, ReaderCutError, StreamSession
from http_gateway.stream_topics import TOPICS
from http_gateway.streams import StreamHub, hub_of
from http_gateway.tickets import LIFE_S, tickets_of
from http_gateway.turns import Turns
from queue_server.protocol.errors import BusyError, CuelightError

AUTH_PATIENCE_S = 5.0

# Numbers of an own range, the last two digits as in HTTP.
CLOSE_MALFORMED, CLOSE_UNKNOWN, CLOSE_SLOW, CLOSE_FULL, CLOSE_UNABLE = 4400, 4401, 4408, 4429, 4503

_log = logging.getLogger(__name__)


class _EndError(Exception):
    """The connection ends for a reason that the client is told."""

    def __init__(self, close_code: int, text: str) -> None:
        super().__init__(text)
        self.close_code = close_code


# --- WebSocket ------------------------------------------------------------------------------------------------------


async def serve_socket(websocket: WebSocket, caller: Caller) -> None:
    """Serve one reader until it goes, or has to go."""
    hub = hub_of(websocket)
    await websocket.accept()
    try:
        hub.check_room()
        with hub.reader("websocket"):
            await _converse(websocket, hub, caller)
    except WebSocketDisconnect:
        return
    except CuelightError as error:
        if isinstance(error, ReaderCutError):
            hub.metrics.stream_cut.labels(error.reason).inc()
        await _close(websocket, _code_of(error), error.message)
    except _EndError as end:
        await _close(websocket, end.close_code, str(end))


def _code_of(error: CuelightError) -> int:
    codes = {
        FloodError: CLOSE_FORBIDDEN,
        BusyError: CLOSE_FULL,
        ThrottledError: CLOSE_FULL,
        ReaderCutError: CLOSE_SLOW,
        CredentialError: CLOSE_UNKNOWN,
        ClosingError: CLOSE_RESTART,
    }
    return next((code for kind, code in codes.items() if isinstance(error, kind)), CLOSE_UNABLE)


async def _converse(websocket: WebSocket, hub: StreamHub, caller: Caller) -> None:
    services = services_of(websocket)
    access = Access(websocket, services)
    identity = await access.enter(caller)
    if not identity.scopes:
        identity = await _await_credential(websocket, access)
    session = StreamSession(hub, Caller(identity, caller.request_id, caller.client), services.clock)
    session.expect_acknowledgements()
    session.tell(_greet(identity))
    try:
        await race(
            _listen(websocket, access, session),
            _speak(websocket, session, services.turns),
            access.keep(session),
        )
    finally:
        session.close()


async def _await_credential(websocket: WebSocket, access: Access) -> Identity:
    try:
        async with asyncio.timeout(AUTH_PATIENCE_S):
            return await access.take_message(await _read(websocket))
    except TimeoutError as error:
        raise _EndError(CLOSE_UNKNOWN, f"No credential came within {AUTH_PATIENCE_S:g} s.") from error


def _greet(identity: Identity) -> Frame:
    readable = sorted(topic.name for topic in TOPICS.values() if topic.scope in identity.scopes)
    return make_control("hello", user=identity.user, topics=readable, most_unacknowledged=MOST_UNACKNOWLEDGED)


async def _listen(websocket: WebSocket, access: Access, session: StreamSession) -> None:
    chatter = Chatter()
    while True:
        message = await _read(websocket)
        chatter.hear()
        if message.get("type") == "auth":
            session.change_identity(await access.take_message(message))
        else:
            await session.obey(message)


async def _read(websocket: WebSocket) -> dict[str, Any]:
    event = await websocket.receive()
    if event["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(event.get("code", 1000))
    try:
        message = orjson.loads(event.get("text") or event.get("bytes") or b"")
    except orjson.JSONDecodeError as error:
        raise _EndError(CLOSE_MALFORMED, "A message is not JSON.") from error
    if not isinstance(message, dict):
        raise _EndError(CLOSE_MALFORMED, "A message must be an object.")
    return cast("dict[str, Any]", message)


async def _speak(websocket: WebSocket, session: StreamSession, turns: Turns) -> None:
    while True:
        frame = await session.next_frame(ACK_PATIENCE_S)
        await turns.wait()
        sending = websocket.send_bytes(frame.octets) if frame.octets else websocket.send_text(frame.text)
        await within_patience(sending)


async def _close(websocket: WebSocket, code: int, text: str) -> None:
    try:
        # A connection that takes nothing would hold this up.
        async with asyncio.timeout(1):
            await websocket.close(code, text[:100])
    except (TimeoutError, RuntimeError, WebSocketDisconnect):
        _log.debug("A stream could not be closed in order")


# --- tickets --------------------------------------------------------------------------------------------------------


async def give_ticket(request: Request, caller: Caller) -> Response:
    """Answer a ticket for the stream."""
    ticket = await tickets_of(request).give(caller.identity)
    return answer(request, {"ticket": ticket, "valid_s": LIFE_S}, {"Cache-Control": "no-store"})


def _parameter(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": text, "schema": {"type": "string"}}


_STREAM = "Topics as they change."
_TOPICS = ", ".join((*TOPICS, "run:UID", "run:*", "devices:NAME", "devices:*"))
_TICKET = {
    "type": "object",
    "required": ["ticket", "valid_s"],
    "properties": {
        "ticket": {"type": "string", "description": "Goes into the address of the stream, as `ticket`; once."},
        "valid_s": {"type": "number", "description": "How long it is valid, in seconds."},
    },
}
SOCKETS = (Socket(path="/stream", scope=PUBLIC, handler=serve_socket, summary=_STREAM),)
ROUTES = (
    Route(
        verb="GET",
        path="/stream",
        scope=PUBLIC,
        handler=serve_events,
        summary=_STREAM,
        document={
            "description": f"{_STREAM} Each topic needs its scope. Offered as a WebSocket too.",
            "parameters": [
                _parameter("topics", f"Topics, separated by commas: {_TOPICS}. Otherwise {DEFAULT_TOPICS}."),
                _parameter("since", "Numbers from which to go on: TOPIC:NUMBER,TOPIC:NUMBER; as Last-Event-ID too."),
                _parameter("hz", "At most so often per second and topic."),
                _parameter("ticket", "A ticket, instead of a credential."),
            ],
            "responses": {
                "200": {
                    "description": "Events without end; the data of each is a JSON object.",
                    "content": {"text/event-stream": {"schema": {"type": "string"}}},
                }
            },
        },
    ),
    Route(
        verb="POST",
        path="/stream-ticket",
        scope=ANYBODY_KNOWN,
        handler=give_ticket,
        summary="A ticket for one stream, where no credential can be sent.",
        document=describe_answer(_TICKET),
    ),
)
