"""Entity tags of the lists: who has a list already gets a 304 instead, and the manager is not asked for it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request

from http_gateway.link import read_reply
from http_gateway.routes import services_of

UIDS: Mapping[str, str] = {
    "queue_get": "plan_queue_uid",
    "history_get": "plan_history_uid",
    "re_runs": "run_list_uid",
    "plans_allowed": "plans_allowed_uid",
    "plans_existing": "plans_existing_uid",
    "devices_allowed": "devices_allowed_uid",
    "devices_existing": "devices_existing_uid",
    "lock_info": "lock_info_uid",
}
"""Method to the uid in reply and status that changes exactly when the list does."""

_IS_SUCCESS = re.compile(rb'\{\s*"success":\s*true\b')


async def is_known(request: Request, method: str, params: Mapping[str, Any]) -> str:
    """Return the tag if the client has this list already, else an empty text."""
    given, name = request.headers.get("if-none-match"), _name_of(method, params)
    if given is None or name is None or request.method != "GET":
        return ""
    status = read_reply(await services_of(request).status.frame())
    uid = status.get(name)
    tag = _tag(uid, params) if isinstance(uid, str) else ""
    return tag if tag and tag in {each.strip().removeprefix("W/") for each in given.split(",")} else ""


def tag_of(frame: bytes, method: str, params: Mapping[str, Any]) -> str:
    """Return the tag of a reply, or an empty text if it has none."""
    name = _name_of(method, params)
    if name is None or not is_success(frame):
        return ""
    found = re.findall(rb'"%s":\s*"([^"\\]*)"' % name.encode(), frame)
    if len(found) > 1:
        # An item may have a key of this name; only a look at the whole tells which is which.
        found = [str(read_reply(frame).get(name, "")).encode()]
    return _tag(found[0].decode(), params) if found and found[0] else ""


def is_success(frame: bytes) -> bool:
    """Return whether a reply begins as those of the manager do that are no refusals."""
    return _IS_SUCCESS.match(frame) is not None


def _name_of(method: str, params: Mapping[str, Any]) -> str | None:
    # A key is checked by the manager, and nothing made of it may stand in a header.
    return None if "lock_key" in params else UIDS.get(method)


def _tag(uid: str, params: Mapping[str, Any]) -> str:
    """Return a tag that also differs by what was asked for: one address has several answers here."""
    shape = hashlib.blake2b(orjson.dumps(params, option=orjson.OPT_SORT_KEYS), digest_size=6).hexdigest()
    return f'"{uid}-{shape}"'
