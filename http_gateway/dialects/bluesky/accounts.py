"""The routes below ``/api/auth``: logins, tokens, API keys and accounts, in the form of bluesky-httpserver."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import orjson
from fastapi import APIRouter, FastAPI
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.auth.api_keys import ApiKey
from http_gateway.auth.desk import Account, KeyWish
from http_gateway.auth.membership import desk_of
from http_gateway.auth.scopes import SCOPES
from http_gateway.authorize import PUBLIC, UNREAD, address_of, require_own_page
from http_gateway.bounded import bounded
from http_gateway.cookies import clear_cookies, set_cookies
from http_gateway.credentials import find_credential
from http_gateway.dialects.bluesky.bodies import read_body, show_names
from http_gateway.errors import BodyError, ScopeError
from http_gateway.identity import Identity
from http_gateway.link import Caller
from http_gateway.routes import Handler, Route, services_of
from queue_server.protocol.codec import encode
from queue_server.protocol.errors import ParameterError

PREFIX = "/auth"
_MOST_FORM_BYTES = 64 * 1024
_DONE = {"success": True, "msg": ""}
_MSGPACK = "application/x-msgpack"
_LONGEST_NOTE = 255
_LONGEST_FIELD = 1024


def add_provider_routers(app: FastAPI, providers: Mapping[str, object], prefix: str) -> None:
    """Serve the routers that a site's own providers bring along, such as for the steps of their logins."""
    for name, provider in providers.items():
        for router in cast("list[APIRouter]", getattr(provider, "include_routers", [])):
            app.include_router(router, prefix=f"{prefix}{PREFIX}/provider/{name}")


async def _log_in(request: Request, caller: Caller) -> Response:
    form = await _read_form(request)
    username, password = _read_field(form, "username"), _read_field(form, "password")
    desk = desk_of(request)
    login = await desk.log_in(request.path_params["provider"], username, password, address_of(request))
    response = _answer(request, login.tokens)
    response.headers["cache-control"] = "no-store"
    if request.query_params.get("cookie") in ("1", "true"):
        secret, life_s = await desk_of(request).make_cookie_key(login.person)
        set_cookies(request, response, secret, life_s)
    return response


async def _finish_login(request: Request, caller: Caller) -> Response:
    token = await desk_of(request).exchange(request.path_params["provider"], request, address_of(request))
    return _answer(request, token)


async def _begin_login(request: Request, caller: Caller) -> Response:
    return await desk_of(request).begin(request.path_params["provider"], request)


async def _refresh(request: Request, caller: Caller) -> Response:
    body = await read_body(request, required=True)
    _check_names(body, {"refresh_token"}, {"refresh_token"})
    token = body["refresh_token"]
    if not isinstance(token, str):
        raise ParameterError("'refresh_token' must be text.", field="refresh_token")
    return _answer(request, await desk_of(request).refresh(token))


async def _revoke(request: Request, caller: Caller) -> Response:
    await desk_of(request).revoke(caller.identity, request.path_params["session_id"])
    return _answer(request, _DONE)


async def _log_out(request: Request, caller: Caller) -> Response:
    credential = find_credential(request, query_keys=services_of(request).settings.query_keys, is_strict=False)
    if credential.carrier == "cookie":
        require_own_page(request)
    await desk_of(request).log_out(credential)
    response = _answer(request, {})
    clear_cookies(request, response)
    return response


async def _tell_self(request: Request, caller: Caller) -> Response:
    _require_somebody(caller.identity)
    return _answer(request, _show_account(await desk_of(request).describe(caller.identity)))


async def _tell_scopes(request: Request, caller: Caller) -> Response:
    identity = caller.identity
    _require_somebody(identity)
    return _answer(request, {"roles": sorted(identity.roles), "scopes": sorted(identity.scopes & SCOPES)})


async def _make_key(request: Request, caller: Caller) -> Response:
    return await _make_key_for(caller.identity.principal or "", request, caller)


async def _make_key_of(request: Request, caller: Caller) -> Response:
    return await _make_key_for(request.path_params["uuid"], request, caller)


async def _make_key_for(owner: str, request: Request, caller: Caller) -> Response:
    wish = _read_wish(await read_body(request, required=True))
    key, secret = await desk_of(request).make_key(owner, wish, caller.identity)
    response = _answer(request, {**_show_key(key), "secret": secret})
    response.headers["cache-control"] = "no-store"
    return response


async def _tell_key(request: Request, caller: Caller) -> Response:
    return _answer(request, _show_key(await desk_of(request).find_key(caller.identity)))


async def _delete_key(request: Request, caller: Caller) -> Response:
    first_eight = request.query_params.get("first_eight")
    if first_eight is None:
        raise ParameterError(f"Some required keys are missing in the request: {show_names({'first_eight'})}")
    await desk_of(request).delete_key(caller.identity, first_eight)
    return _answer(request, _DONE)


async def _list_accounts(request: Request, caller: Caller) -> Response:
    return _answer(request, [_show_account(account) for account in await desk_of(request).list_accounts()])


async def _tell_account(request: Request, caller: Caller) -> Response:
    return _answer(request, _show_account(await desk_of(request).find_account(request.path_params["uuid"])))


def _require_somebody(identity: Identity) -> None:
    if identity.is_anonymous and not identity.scopes:
        raise ScopeError([], [], anonymous=True)


async def _read_form(request: Request) -> FormData:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise BodyError("Send 'username' and 'password' as a form (application/x-www-form-urlencoded).")
    try:
        return await bounded(request, _MOST_FORM_BYTES).form(max_files=0, max_fields=16)
    except (MultiPartException, ValueError) as error:
        raise BodyError("The form is malformed.", kind="form_invalid") from error


def _read_field(form: FormData, name: str) -> str:
    value = form.get(name)
    if not isinstance(value, str) or not value or len(value) > _LONGEST_FIELD:
        raise BodyError(f"The form needs {name!r}, at most {_LONGEST_FIELD} characters.")
    return value


def _check_names(body: dict[str, Any], known: set[str], needed: set[str]) -> None:
    unknown, missing = set(body) - known, needed - set(body)
    if unknown:
        raise ParameterError(f"Request contains keys the are not supported: {show_names(unknown)}", field=min(unknown))
    if missing:
        raise ParameterError(
            f"Some required keys are missing in the request: {show_names(missing)}", field=min(missing)
        )


def _read_wish(body: dict[str, Any]) -> KeyWish:
    _check_names(body, {"expires_in", "scopes", "note"}, {"expires_in"})
    life_s, scopes, note = body["expires_in"], body.get("scopes"), body.get("note")
    if life_s is not None and (isinstance(life_s, bool) or not isinstance(life_s, (int, float))):
        raise ParameterError("'expires_in' must be a number of seconds, or null for no end.", field="expires_in")
    if note is not None and (not isinstance(note, str) or len(note) > _LONGEST_NOTE):
        raise ParameterError(f"'note' must be text of at most {_LONGEST_NOTE} characters.", field="note")
    if scopes is None:
        return KeyWish(life_s, None, note)
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in cast("list[object]", scopes)):
        raise ParameterError("'scopes' must be a list of words.", field="scopes")
    return KeyWish(life_s, tuple(cast("list[str]", scopes)), note)


def _answer(request: Request, content: object) -> Response:
    wants_msgpack = "msgpack" in request.headers.get("accept", "")
    # The codec writes every value; its type speaks of the messages of the manager only.
    data = encode(cast("Any", content), "msgpack") if wants_msgpack else orjson.dumps(content)
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Vary": "Accept"}
    if request.method == "GET" and tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type=_MSGPACK if wants_msgpack else "application/json")


def _show_account(account: Account) -> dict[str, Any]:
    person = account.person
    return {
        "uuid": _show_uuid(person.uuid),
        "type": person.kind,
        "identities": [
            {"id": identity.id, "provider": identity.provider, "latest_login": _show_time(identity.latest_login)}
            for identity in person.identities
        ],
        "api_keys": [_show_key(key) for key in account.api_keys],
        "sessions": [
            {
                "uuid": _show_uuid(session.uuid),
                "expiration_time": _show_time(session.expires),
                "revoked": session.revoked,
            }
            for session in account.sessions
        ],
        "latest_activity": _show_time(account.latest_activity),
        # The present ones are told by /scopes; this object is the same whoever asks with whatever credential.
        "roles": [],
        "scopes": [],
        "api_key_scopes": None,
    }


def _show_key(key: ApiKey) -> dict[str, Any]:
    shown = [scope for scope in key.scopes if key.inherits or scope in SCOPES]
    return {
        "first_eight": key.first_eight,
        "expiration_time": _show_time(key.expires),
        "note": key.note,
        "scopes": shown,
        "latest_activity": _show_time(key.latest_activity),
    }


def _show_uuid(digits: str) -> str:
    return str(UUID(digits))


def _show_time(time: float | None) -> str | None:
    """Return a time as ISO 8601 in UTC without zone, in whole seconds."""
    if time is None:
        return None
    return datetime.fromtimestamp(int(time), UTC).replace(tzinfo=None).isoformat()


def _route(verb: str, path: str, scope: str, handler: Handler, summary: str) -> Route:
    return Route(verb=verb, path=f"{PREFIX}{path}", scope=scope, handler=handler, summary=summary)


ROUTES = (
    _route("POST", "/provider/{provider}/token", UNREAD, _log_in, "Log in with a name and a password."),
    _route("GET", "/provider/{provider}/login", UNREAD, _begin_login, "Begin a login at an external provider."),
    _route("GET", "/provider/{provider}/code", UNREAD, _finish_login, "Finish a login at an external provider."),
    _route("POST", "/provider/{provider}/code", UNREAD, _finish_login, "Finish a login at an external provider."),
    _route("POST", "/session/refresh", UNREAD, _refresh, "Get new tokens for a refresh token."),
    _route("DELETE", "/session/revoke/{session_id}", PUBLIC, _revoke, "End a session of the caller."),
    _route("GET", "/whoami", PUBLIC, _tell_self, "The account of the caller."),
    _route("GET", "/scopes", PUBLIC, _tell_scopes, "Roles and scopes of the caller."),
    _route("POST", "/apikey", "user:apikeys", _make_key, "Make an API key of the caller."),
    _route("GET", "/apikey", PUBLIC, _tell_key, "The API key with which the caller asks."),
    _route("DELETE", "/apikey", "user:apikeys", _delete_key, "Delete an API key of the caller."),
    _route("POST", "/logout", UNREAD, _log_out, "End the session of the caller and clear the cookies."),
    _route("GET", "/principal", "admin:read:principals", _list_accounts, "All accounts."),
    _route("GET", "/principal/{uuid}", "admin:read:principals", _tell_account, "One account."),
    _route("POST", "/principal/{uuid}/apikey", "admin:apikeys", _make_key_of, "Make an API key of another account."),
)
