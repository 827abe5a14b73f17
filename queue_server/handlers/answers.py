"""Answers that are given again: which requests with a key of their own are under way, and what is kept of the others.

The rules differ from those of the key of a message: nobody waits, the key belongs to a person and a place, and what
makes a request the same is told by its sender. What a request does is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from queue_server.engine.turn import Turn
from queue_server.protocol.answers import KEPT_S, Answer, AnswerForm, Idempotency, Repeatable, RepeatableParams
from queue_server.protocol.errors import InProgressError, MismatchError
from queue_server.protocol.items import Origin
from queue_server.protocol.listing import encode_reply
from queue_server.protocol.method import Params

RETRY_AFTER_S = 1.0
_FORGOTTEN_WITH_EACH = 10

_FORM = AnswerForm()


def _nothing() -> None:
    pass


class Answers:
    """The requests under way, by whose they are, where they were sent and under which key."""

    def __init__(self) -> None:
        self._under_way: dict[Repeatable, str] = {}

    def begin(self, origin: Origin, params: Params) -> Callable[[], None]:
        """Note that a request is worked on; the function that is returned is to be called when it has its answer.

        Raises:
            InProgressError: the same request is worked on.
            MismatchError: another request under its key is.
        """
        idempotency = _idempotency_of(params)
        if idempotency is None:
            return _nothing
        request, fingerprint = _request_of(origin, params, idempotency), idempotency.fingerprint
        known = self._under_way.get(request)
        if known is not None and known != fingerprint:
            raise _used_otherwise(request)
        if known is not None:
            raise InProgressError(
                "The first request with this key has no answer yet. Repeat it with the same key to hear it.",
                details={"retry_after_s": RETRY_AFTER_S},
            )
        self._under_way[request] = fingerprint

        def end() -> None:
            self._under_way.pop(request, None)

        return end


def find_answer(turn: Turn, origin: Origin, params: Params) -> dict[str, Any] | None:
    """Return the fields of the answer that the same request has had, or None if it is new.

    Raises:
        MismatchError: the key belongs to another request.
    """
    idempotency = _idempotency_of(params)
    if idempotency is None:
        return None
    request = _request_of(origin, params, idempotency)
    known = turn.tx.answer(request)
    if known is None or not known.holds(turn.now):
        return None
    if known.fingerprint != idempotency.fingerprint:
        raise _used_otherwise(request)
    return {**orjson.loads(known.body), "is_repetition": True}


def keep_answer(turn: Turn, origin: Origin, params: Params, fields: Mapping[str, Any]) -> None:
    """Keep the answer to a request that has a key, and forget a few that have expired."""
    if not isinstance(params, RepeatableParams) or params.idempotency is None:
        return
    form = params.answer or _FORM
    answer = Answer(
        request=_request_of(origin, params, params.idempotency),
        fingerprint=params.idempotency.fingerprint,
        status=form.status,
        media_type=form.media_type,
        body=encode_reply(fields, "json").decode(),
        stored=turn.now,
        expires=turn.now + KEPT_S,
    )
    turn.tx.keep_answer(answer)
    turn.tx.forget_answers(now=turn.now, most=_FORGOTTEN_WITH_EACH)


def _idempotency_of(params: Params) -> Idempotency | None:
    return params.idempotency if isinstance(params, RepeatableParams) else None


def _request_of(origin: Origin, params: Params, idempotency: Idempotency) -> Repeatable:
    # Behind a gateway that may not delegate, only the parameters tell who asks.
    user = origin.user or str(getattr(params, "user", None) or "")
    return Repeatable(user, idempotency.endpoint, idempotency.key)


def _used_otherwise(request: Repeatable) -> MismatchError:
    return MismatchError(
        f"The idempotency key {request.key!r} was used for another request; nothing was done. Take another key."
    )
