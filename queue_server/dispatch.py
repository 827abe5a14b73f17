"""From a frame to a reply, once for all methods: decode, validate, guard, handle, encode."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from queue_server.core.view import queue_uid
from queue_server.engine.engine import Engine
from queue_server.engine.turn import Turn
from queue_server.guards import identify, require_key, require_unchanged
from queue_server.handlers.aside import Aside
from queue_server.handlers.context import Desk, MemoryContext, TurnContext
from queue_server.handlers.registry import HANDLERS
from queue_server.protocol.codec import Encoding, decode, encode, recognise
from queue_server.protocol.envelope import Request, read_request, refuse, succeed
from queue_server.protocol.errors import ConflictError, CuelightError, ParameterError, StateError, UnknownMethodError
from queue_server.protocol.items import Origin
from queue_server.protocol.listing import encode_reply
from queue_server.protocol.method import Method, Params, fields_of
from queue_server.protocol.methods import METHODS
from queue_server.storage.base import StoredReply

_log = logging.getLogger(__name__)

Respond = Callable[[bytes], None]
T = TypeVar("T")

# Decoding and validating a larger message would hold up everybody else.
_LARGE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Call:
    """A request that fits its declaration."""

    request: Request
    method: Method
    params: Params
    encoding: Encoding
    origin: Origin


class Dispatcher:
    """Answers every frame exactly once and never raises.

    With ``may_delegate`` its peers may name the person for whom they ask.
    """

    def __init__(self, engine: Engine, desk: Desk, *, may_delegate: bool = False) -> None:
        self._engine = engine
        self._desk = desk
        self._may_delegate = may_delegate
        self._aside: set[asyncio.Task[None]] = set()

    def take(self, frame: bytes, respond: Respond) -> None:
        """Answer the request in ``frame``."""
        if len(frame) <= _LARGE_BYTES:
            self._answer(_read(frame, self._may_delegate), respond)
            return
        self._do_aside(lambda: _read(frame, self._may_delegate), lambda call: self._answer(call, respond))

    def _do_aside(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        async def do() -> None:
            then(await asyncio.to_thread(work))

        task = asyncio.create_task(do())
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    def _answer(self, call: _Call | bytes, respond: Respond) -> None:
        if isinstance(call, bytes):
            respond(call)
        elif call.method.kind in ("read", "mutation"):
            answer = self._engine.post(lambda turn: self._handle_in_turn(call, turn))
            answer.add_done_callback(lambda done: respond(_settle(call, done)))
        else:
            reply = _guard(call, lambda: self._handle_now(call))
            if isinstance(reply, bytes):
                respond(reply)
            else:
                self._do_aside(lambda: _guard(call, lambda: _reply(call, fields_of(reply.find()))), respond)

    def _handle_now(self, call: _Call) -> bytes | Aside:
        state = self._desk.state()
        require_unchanged(call.request, call.method, queue_uid(state, self._desk.instance_id))
        require_key(call.method, call.params, state.lock, self._desk.keys)
        context = MemoryContext(self._desk, call.origin)
        result = HANDLERS[call.method.name](context, call.params)
        if call.method.kind == "motion":
            self._engine.command(result, call.origin)
            return _reply(call, {})
        if isinstance(result, Aside):
            return result
        return encode(result, call.encoding) if call.method.bare else _reply(call, fields_of(result))

    def _handle_in_turn(self, call: _Call, turn: Turn) -> bytes:
        key = call.request.idempotency_key if call.method.kind == "mutation" else None
        digest = _digest(call.request) if key else b""
        stored = turn.tx.stored_reply(key) if key else None
        if stored is not None:
            if stored.digest != digest:
                raise ConflictError(f"The idempotency key {key!r} was used for another request.")
            return _reply(call, orjson.loads(stored.reply))
        require_unchanged(call.request, call.method, queue_uid(turn.state, self._desk.instance_id))
        require_key(call.method, call.params, turn.state.lock, self._desk.keys)
        context = TurnContext(self._desk, call.origin, turn, call.method.name)
        fields = fields_of(HANDLERS[call.method.name](context, call.params))
        if key:
            kept = StoredReply(digest, encode(fields))
            turn.tx.store_reply(key, kept, turn.now)
        return _reply(call, fields)


def _read(frame: bytes, may_delegate: bool) -> _Call | bytes:
    """Return the call in ``frame``, or the refusal."""
    encoding: Encoding = "json"
    identifier, method = None, None
    try:
        encoding = recognise(frame)
        message, encoding = decode(frame)
        request = read_request(message)
        identifier = request.id
        method = METHODS.get(request.method)
        if method is None:
            raise UnknownMethodError(f"Unknown method {request.method!r}")
        origin = identify(request, method, may_delegate=may_delegate)
        params = method.parse(dict(request.params))
        return _Call(request, method, params, encoding, origin)
    except CuelightError as error:
        fields = method.failure_fields if method is not None and not method.bare else {}
        prefix = method.refusal if method is not None else ""
        return encode(refuse(error, fields, identifier, prefix), encoding)


def _guard(call: _Call, handle: Callable[[], T]) -> T | bytes:
    try:
        return handle()
    except Exception as error:
        return _refusal(call, error)


def _settle(call: _Call, done: asyncio.Future[bytes]) -> bytes:
    if done.cancelled():
        return _refusal(call, StateError("The manager is stopping; the request was not done."))
    error = done.exception()
    return done.result() if error is None else _refusal(call, error)


def _refusal(call: _Call, error: BaseException) -> bytes:
    if not isinstance(error, CuelightError):
        _log.error("The method %s failed", call.method.name, exc_info=error)
        error = CuelightError("Something unforeseen went wrong inside the manager; its log has the details.")
    fields: Mapping[str, Any] = {} if call.method.bare else call.method.failure_fields
    return encode(refuse(error, fields, call.request.id, call.method.refusal), call.encoding)


def _reply(call: _Call, fields: Mapping[str, Any]) -> bytes:
    return encode_reply(succeed(fields, call.request.id), call.encoding)


def _digest(request: Request) -> bytes:
    try:
        body = orjson.dumps([request.method, request.params], option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    except TypeError as error:
        raise ParameterError(
            f"The parameters of a repeatable request must be JSON: {error}.", field="params"
        ) from error
    return hashlib.sha256(body).digest()
