"""What a client does over HTTP, as steps that something else takes: requests, renewed tokens, lists in parts.

Each function is a generator: it yields what is to be sent, is given the answer, and returns the reply. So both forms
of ``RunControl`` do the same, and nothing here blocks or awaits.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar, cast

from msgspec import Struct

from queue_server.client.caller import MethodRoute
from queue_server.client.http_errors import HTTPAccessError, HTTPAnswerError, HTTPRequestError
from queue_server.client.http_exchange import (
    HttpAnswer,
    HttpQuestion,
    HttpRequest,
    Reply,
    is_expired,
    own_request,
    reply_in,
    request_of,
    unknown_method,
)
from queue_server.client.http_tokens import Wallet
from queue_server.protocol.codec import Encoding
from queue_server.protocol.errors import CommunicationError, RequestFailedError

T = TypeVar("T")

REFRESH_PATH = "/api/auth/session/refresh"
_REFRESH_TIMEOUT_S = 30.0
_ATTEMPTS = 5
# Without a limit the manager gives everything, the gateway a part; these are the largest parts.
WHOLE = {"queue_get": 10_000, "history_get": 50_000}


class Renewal(Struct, frozen=True):
    """New tokens are needed instead of the access token ``expired``; one renewal serves all who wait."""

    expired: str | None


Steps = Generator[HttpRequest | Renewal, HttpAnswer, T]


def converse(question: HttpQuestion, wallet: Wallet, encoding: Encoding) -> Steps[Reply]:
    """Send a request of ``RunControl`` and return its reply."""
    if question.request is None:
        return unknown_method(question.method)
    if question.route is not None and question.method in WHOLE and "limit" not in question.params:
        return (yield from _read_whole(question, question.route, wallet, encoding))
    answer = yield from send(question.request, wallet, refreshes=question.refreshes)
    try:
        return reply_in(answer, question.route)
    except HTTPAnswerError as error:
        # The gateway may have given up on a manager that still carries the request out.
        if question.key is not None and error.status >= 500:
            error.details["idempotency_key"] = question.key
        raise


def send(request: HttpRequest, wallet: Wallet, *, refreshes: bool = True) -> Steps[HttpAnswer]:
    """Send a request with the credential; if its access token has expired, renew that once and send it again."""
    used = wallet.access_token
    answer = yield request.with_headers(wallet.headers())
    if not refreshes or not needs_renewal(answer, wallet, used):
        return answer
    yield Renewal(used)
    return (yield request.with_headers(wallet.headers()))


def renew(wallet: Wallet, refresh_token: str | None = None) -> Steps[Reply]:
    """Fetch new tokens.

    Raises:
        HTTPAccessError: the session has ended; log in again.
    """
    token = refresh_token or wallet.refresh_token
    if token is None:
        raise HTTPAccessError(401, "There is no login to be refreshed: call login().")
    # Whoever refreshes may have a credential that is too old: none is shown.
    answer = yield own_request("POST", REFRESH_PATH, {"refresh_token": token}, None, _REFRESH_TIMEOUT_S)
    reply = _object_in(answer)
    wallet.keep_answer(reply)
    return reply


def log_in(wallet: Wallet, form: HttpRequest) -> Steps[Reply]:
    """Send the form of a login and keep the tokens."""
    answer = yield form
    reply = _object_in(answer)
    wallet.keep_answer(reply)
    return reply


def log_out(wallet: Wallet, request: HttpRequest) -> Steps[Reply]:
    """Log out, and forget key and tokens whatever the gateway says."""
    try:
        answer = yield request.with_headers(wallet.headers())
        reply_in(answer)
    finally:
        wallet.empty()
    return {"success": True, "msg": ""}


def ask(request: HttpRequest, wallet: Wallet) -> Steps[Reply]:
    """Send a request about the account and return the answer."""
    answer = yield from send(request, wallet)
    return _object_in(answer)


def ask_as_key(request: HttpRequest, api_key: str) -> Steps[Reply]:
    """Send a request with another credential and return the answer."""
    answer = yield request.with_headers(Wallet(api_key).headers())
    return _object_in(answer)


def _object_in(answer: HttpAnswer) -> Reply:
    reply = reply_in(answer)
    if not isinstance(reply, dict):
        raise HTTPRequestError("The answer of the gateway is not an object.")
    return cast("Reply", reply)


def needs_renewal(answer: HttpAnswer, wallet: Wallet, used: str | None) -> bool:
    """Return whether a request with the access token ``used`` is worth repeating with another one."""
    return wallet.refresh_token is not None and (is_expired(answer) or (used == "" and answer.status == 401))


def refusal_in(answer: HttpAnswer) -> CommunicationError | RequestFailedError:
    """Return the error that an answer is which is not what was asked for."""
    try:
        reply = _object_in(answer)
    except CommunicationError as error:
        return error
    return RequestFailedError(str(reply.get("msg", "")), reply=reply)


def _read_whole(question: HttpQuestion, route: MethodRoute, wallet: Wallet, encoding: Encoding) -> Steps[Reply]:
    for _ in range(_ATTEMPTS):
        reply = yield from _read_parts(question, route, wallet, encoding)
        if reply is not None:
            return reply
    raise HTTPRequestError(f"The queue changed {_ATTEMPTS} times while it was read in parts; read it with a limit.")


def _read_parts(question: HttpQuestion, route: MethodRoute, wallet: Wallet, encoding: Encoding) -> Steps[Reply | None]:
    """Return all that a manager gives without a limit, or None if the queue changed meanwhile."""
    params = {**question.params, "limit": WHOLE[question.method]}
    whole: Reply | None = None
    while True:
        answer = yield from send(request_of(route, params, encoding, question), wallet, refreshes=question.refreshes)
        part: Reply = reply_in(answer, route)
        # Of the history a manager itself gives no more than one part.
        if not part["success"] or question.method != "queue_get":
            return part
        items: list[Reply] = part.get("items") or []
        if whole is None:
            whole = part
        elif part.get("plan_queue_uid") != whole.get("plan_queue_uid"):
            return None
        else:
            whole["items"].extend(items)
        if len(items) < params["limit"]:
            return whole
        params["after_uid"] = items[-1]["item_uid"]
