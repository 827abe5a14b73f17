"""From a frame to a reply, once for all methods: decode, validate, guard, handle, encode."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import orjson
from msgspec import Struct

from queue_server.core.model import State
from queue_server.core.view import queue_uid
from queue_server.engine.engine import Engine
from queue_server.engine.perform import Done
from queue_server.engine.stopping import wait_for_answers
from queue_server.engine.turn import Turn
from queue_server.familiar import EncodedReplies, FamiliarRequests
from queue_server.guards import identify, require_gateway, require_key, require_unchanged, sign
from queue_server.handlers.answers import find_answer, keep_answer
from queue_server.handlers.aside import Aside, Expected
from queue_server.handlers.context import Desk, MemoryContext, TurnContext
from queue_server.handlers.estop import Stopping
from queue_server.handlers.further import Further
from queue_server.handlers.registry import HANDLERS, is_loaded
from queue_server.handlers.repetition import digest_of, told_before, used_otherwise
from queue_server.handlers.reserve import require_room
from queue_server.protocol.codec import Bounds, Encoding, decode, encode, recognise
from queue_server.protocol.envelope import Request, read_request, refuse, succeed
from queue_server.protocol.errors import (
    CuelightError,
    ShuttingDownError,
    UnfinishedError,
    UnknownMethodError,
)
from queue_server.protocol.items import DEFAULT_LANE, Origin
from queue_server.protocol.limits import too_much_at_once
from queue_server.protocol.listing import encode_reply, is_long
from queue_server.protocol.method import LaneParams, Method, Params, fields_of
from queue_server.protocol.methods import METHODS
from queue_server.protocol.peer import ANYBODY, DELEGATE, Peer
from queue_server.storage.base import StoredReply

_log = logging.getLogger(__name__)

Respond = Callable[[bytes], None]
Find = Callable[[TurnContext], Any]
T = TypeVar("T")

# Decoding and validating a larger message would hold up everybody else.
_LARGE_BYTES = 256 * 1024

# A manager that is asked again may still kill a worker that does not end.
_END = "manager_stop"
_ENDING = "The manager is stopping; the request was not done. Repeat it once the manager runs again."
_RETRY_AFTER_S = 1.0
_STOP_ALL = "estop"
_UNFINISHED = "The same request is still being worked on. Repeat it with the same key to hear its answer."


class _Call(Struct, frozen=True):
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
        self._bounds = desk.limits.client_bounds
        self._aside: set[asyncio.Task[None]] = set()
        self._familiar: FamiliarRequests[_Call] = FamiliarRequests()
        self._encoded = EncodedReplies()

    def take(self, frame: bytes, respond: Respond, peer: Peer = ANYBODY, *, has_room: bool = True) -> None:
        """Answer the request of ``peer`` in ``frame``; without room, only what can be answered at once."""
        if self._may_delegate:
            peer = DELEGATE
        known = self._familiar.find(frame, peer)
        if known is not None:
            respond(_guard(known, lambda: self._show(known)))
        elif not has_room:
            self._answer_at_once(_read(frame, self._bounds, peer), respond)
        elif len(frame) <= _LARGE_BYTES and is_loaded(frame, self._bounds):
            self._answer(self._read(frame, peer), respond)
        else:
            self._do_aside(lambda: _read_aside(frame, self._bounds, peer), lambda call: self._answer(call, respond))

    def _read(self, frame: bytes, peer: Peer) -> _Call | bytes:
        call = _read(frame, self._bounds, peer)
        if isinstance(call, _Call) and call.method.bare and call.request.if_queue_uid is None:
            self._familiar.keep(frame, peer, call)
        return call

    def _show(self, call: _Call) -> bytes:
        """Return the reply to a request for what is shown to everybody, whatever is locked."""
        result = HANDLERS[call.method.name](MemoryContext(self._desk, call.origin, DEFAULT_LANE), call.params)
        return self._encoded.encode(result, call.encoding)

    def _answer_at_once(self, call: _Call | bytes, respond: Respond) -> None:
        """Answer from memory or order a motion; refuse everything else as busy."""
        if isinstance(call, bytes):
            respond(call)
            return
        is_quick = call.method.kind in ("memory", "motion")
        reply = _guard(call, lambda: self._handle_now(call)) if is_quick else None
        if isinstance(reply, Stopping):
            self._answer_stop(call, reply, respond)
            return
        respond(reply if isinstance(reply, bytes) else _refusal(call, too_much_at_once()))

    def _do_aside(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        async def do() -> None:
            try:
                found = await asyncio.to_thread(work)
            except RuntimeError:
                # There may be no more threads: better that all wait a little than that one waits for ever.
                found = work()
            then(found)

        task = asyncio.create_task(do())
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    def _answer(self, call: _Call | bytes, respond: Respond) -> None:
        if isinstance(call, bytes):
            respond(call)
        elif call.method.kind == "mutation" and self._is_ending and call.method.name != _END:
            respond(_refusal(call, ShuttingDownError(_ENDING, details={"retry_after_s": _RETRY_AFTER_S})))
        elif call.method.kind == "mutation" and call.request.idempotency_key:
            self._answer_once(call, call.request.idempotency_key, respond)
        elif call.method.kind == "mutation":
            self._post(call, respond)
        elif call.method.kind == "read":
            self._read_on(call, respond, lambda context: HANDLERS[call.method.name](context, call.params))
        else:
            self._answer_from_memory(call, respond)

    def _answer_from_memory(self, call: _Call, respond: Respond) -> None:
        reply = _guard(call, lambda: self._handle_now(call))
        if isinstance(reply, bytes):
            respond(reply)
        elif isinstance(reply, Stopping):
            self._answer_stop(call, reply, respond)
        elif isinstance(reply, Expected):
            self._answer_later(call, reply, respond)
        else:
            self._do_aside(lambda: _guard(call, lambda: _reply(call, fields_of(reply.find()))), respond)

    def _answer_stop(self, call: _Call, stopping: Stopping, respond: Respond) -> None:
        """Answer an emergency stop, which is under way, once the workers have reported or their time is over."""

        async def answer() -> None:
            await wait_for_answers(self._engine, stopping.lanes)
            respond(_guard(call, lambda: _reply(call, fields_of(stopping.reply(self._desk.state())))))

        task = asyncio.create_task(answer())
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    def _answer_later(self, call: _Call, expected: Expected, respond: Respond) -> None:
        async def answer() -> None:
            try:
                result = await expected.wait()
            except CuelightError as error:
                respond(_refusal(call, error))
            else:
                respond(_guard(call, lambda: _reply(call, fields_of(result))))

        task = asyncio.create_task(answer())
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    def _read_on(self, call: _Call, respond: Respond, find: Find) -> None:
        """Find a part of what is asked for in a turn of its own, and so on; a long answer is encoded in a thread."""

        def settle(done: Done | None) -> None:
            found = None if done is None else done.value
            if isinstance(found, Further):
                self._go_on(call, found, lambda find: self._read_on(call, respond, find), respond)
            elif isinstance(found, dict):
                fields = cast("dict[str, Any]", found)
                self._do_aside(lambda: _guard(call, lambda: _reply(call, fields)), respond)
            else:
                respond(_settle(call, done))

        self._engine.ask(lambda turn: self._read_in_turn(call, turn, find), settle)

    def _read_in_turn(self, call: _Call, turn: Turn, find: Find) -> bytes | Further | dict[str, Any]:
        require_unchanged(call.request, call.method, queue_uid(turn.state, self._desk.instance_id))
        require_key(call.method, call.params, turn.state.lock, self._desk.keys)
        lane = _lane_of(call.params, turn.state)
        result = find(TurnContext(self._desk, call.origin, turn, call.method.name, lane))
        if isinstance(result, Further):
            return result
        fields = fields_of(result)
        return fields if any(map(is_long, fields.values())) else _reply(call, fields)

    def _post(self, call: _Call, respond: Respond, digest: bytes = b"") -> None:
        try:
            end = self._desk.answers.begin(call.origin, call.params)
        except CuelightError as error:
            respond(_refusal(call, error))
            return

        def settle(done: Done | None) -> None:
            found = None if done is None else done.value
            if isinstance(found, Further):
                self._go_on(call, found, begin, finish)
            else:
                finish(_settle(call, done))

        def finish(reply: bytes) -> None:
            end()
            respond(reply)

        def begin(handle: Find) -> None:
            self._engine.ask(lambda turn: self._handle_in_turn(call, turn, digest, handle), settle)

        begin(lambda context: HANDLERS[call.method.name](context, call.params))

    def _go_on(self, call: _Call, further: Further, begin: Callable[[Find], None], respond: Respond) -> None:
        """Go on in a turn, once what waits for the disk is done; what that raises is the answer."""

        def go_on(refusal: bytes | None) -> None:
            begin(further.find) if refusal is None else respond(refusal)

        aside = further.aside
        go_on(None) if aside is None else self._do_aside(lambda: _guard(call, aside), go_on)

    def _answer_once(self, call: _Call, key: str, respond: Respond) -> None:
        """Do a request, unless the same one is under way: then wait a moment for its answer."""
        repetition = self._desk.repetition
        try:
            digest = digest_of(call.request)
            first = repetition.find(key, digest)
        except CuelightError as error:
            respond(_refusal(call, error))
            return
        if first is None:
            under_way: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            repetition.begin(key, digest, under_way)

            def answer(reply: bytes) -> None:
                under_way.set_result(reply)
                respond(reply)

            self._post(call, answer, digest)
        else:
            unfinished = UnfinishedError(_UNFINISHED, details={"retry_after_s": _RETRY_AFTER_S})
            first.wait(lambda: self._answer(call, respond), lambda: respond(_refusal(call, unfinished)))

    @property
    def _is_ending(self) -> bool:
        return self._desk.state().phase in ("stopping", "stopped")

    def _handle_now(self, call: _Call) -> bytes | Aside | Expected | Stopping:
        key = call.request.idempotency_key
        # An emergency stop is never held back by a key: a repeat of it orders it again.
        if not key or not call.method.changes or call.method.name == _STOP_ALL:
            return self._handle_in_memory(call, lambda fields: None)
        digest = digest_of(call.request)
        known = self._desk.repetition.obeyed(key, digest)
        if known is not None:
            return _reply(call, known)
        return self._handle_in_memory(call, lambda fields: self._desk.repetition.obey(key, digest, fields))

    def _handle_in_memory(
        self, call: _Call, note: Callable[[Mapping[str, Any]], None]
    ) -> bytes | Aside | Expected | Stopping:
        state = self._desk.state()
        require_unchanged(call.request, call.method, queue_uid(state, self._desk.instance_id))
        require_key(call.method, call.params, state.lock, self._desk.keys)
        context = MemoryContext(self._desk, call.origin, _lane_of(call.params, state))
        result = HANDLERS[call.method.name](context, call.params)
        if isinstance(result, Stopping):
            # Under an idempotency key too: once more is better than once too few.
            for event in result.events:
                self._engine.command(event, call.origin)
            return result
        if call.method.kind == "motion":
            self._engine.command(result, call.origin)
            note({})
            return _reply(call, {})
        if isinstance(result, (Aside, Expected)):
            return result
        if call.method.bare:
            return self._encoded.encode(result, call.encoding)
        fields = fields_of(result)
        note(fields)
        return _reply(call, fields)

    def _handle_in_turn(self, call: _Call, turn: Turn, digest: bytes, handle: Find) -> bytes | Further:
        key = call.request.idempotency_key if digest else None
        stored = turn.tx.stored_reply(key) if key else None
        if stored is not None:
            if stored.digest != digest:
                raise used_otherwise(key or "")
            known = orjson.loads(stored.reply)
            if call.method.told_once:
                raise told_before(call.method.told_once, known)
            return _reply(call, known)
        answered = find_answer(turn, call.origin, call.params)
        if answered is not None:
            return _reply(call, answered)
        require_room(call.method, self._desk.has_room)
        require_unchanged(call.request, call.method, queue_uid(turn.state, self._desk.instance_id))
        require_key(call.method, call.params, turn.state.lock, self._desk.keys)
        lane = _lane_of(call.params, turn.state)
        context = TurnContext(self._desk, call.origin, turn, call.method.name, lane)
        result = handle(context)
        if isinstance(result, Further):
            return result
        fields = fields_of(result)
        if key:
            kept = fields if not call.method.told_once else _without(fields, call.method.told_once)
            self._desk.repetition.store(turn.tx, key, StoredReply(digest, encode(kept)), turn.now)
        keep_answer(turn, call.origin, call.params, fields)
        return _reply(call, fields)


def _read_aside(frame: bytes, bounds: Bounds, peer: Peer) -> _Call | bytes:
    HANDLERS.complete()
    return _read(frame, bounds, peer)


def _read(frame: bytes, bounds: Bounds, peer: Peer) -> _Call | bytes:
    """Return the call in ``frame``, or the refusal."""
    encoding: Encoding = "json"
    identifier, method = None, None
    try:
        encoding = recognise(frame)
        message, encoding = decode(frame, bounds)
        request = read_request(message)
        identifier = request.id
        method = METHODS.get(request.method)
        if method is None:
            raise UnknownMethodError(f"Unknown method {request.method!r}")
        origin = identify(request, method, peer)
        params = method.parse(sign(request, method, peer))
        require_gateway(method, peer)
        return _Call(request, method, params, encoding, origin)
    except CuelightError as error:
        fields = method.failure_fields if method is not None and not method.bare else {}
        prefix = method.refusal if method is not None else ""
        return encode(refuse(error, fields, identifier, prefix), encoding)


def _lane_of(params: Params, state: State) -> str:
    """Return the lane that a request is about.

    Raises:
        NotFoundError: there is no such lane; the message lists those that there are.
    """
    if not isinstance(params, LaneParams) or params.lane is None:
        return DEFAULT_LANE
    return state.lane(params.lane).name


def _without(fields: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def _guard(call: _Call, handle: Callable[[], T]) -> T | bytes:
    try:
        return handle()
    except Exception as error:
        return _refusal(call, error)


def _settle(call: _Call, done: Done | None) -> bytes:
    if done is None:
        return _refusal(call, ShuttingDownError(_ENDING, details={"retry_after_s": _RETRY_AFTER_S}))
    return done.value if done.error is None else _refusal(call, done.error)


def _refusal(call: _Call, error: BaseException) -> bytes:
    if not isinstance(error, CuelightError):
        _log.error("The method %s failed", call.method.name, exc_info=error)
        error = CuelightError("Something unforeseen went wrong inside the manager; its log has the details.")
    fields: Mapping[str, Any] = {} if call.method.bare else call.method.failure_fields
    return encode(refuse(error, fields, call.request.id, call.method.refusal), call.encoding)


def _reply(call: _Call, fields: Mapping[str, Any]) -> bytes:
    return encode_reply(succeed(fields, call.request.id), call.encoding)
