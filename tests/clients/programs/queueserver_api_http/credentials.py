"""Journeys about the single-user key and what it stands for, and about errors as HTTP shows them."""

from __future__ import annotations

import getpass
import time

from bluesky_queueserver_api import BFunc, BPlan
from steps import OF_THE_KEY, contains, count, equal, raised, refused

NOBODY = "http://127.0.0.1:1"


def the_key_decides_who_asks():
    """Whatever name a client has, it is not sent."""
    before = yield lambda rm: (rm.user, rm.user_group)
    for name in ("user", "user_group"):
        yield lambda rm, name=name: setattr(rm, name, "anna")
    yield lambda rm: rm.set_user_name_to_login_name()
    equal((yield lambda rm: rm.user), getpass.getuser())
    added = yield lambda rm: rm.item_add(count("a"), user="berta", user_group="root")
    equal({name: added["item"][name] for name in OF_THE_KEY}, OF_THE_KEY)
    for name, value in zip(("user", "user_group"), before, strict=True):
        yield lambda rm, name=name, value=value: setattr(rm, name, value)
    equal((yield lambda rm: rm.protocol is rm.Protocols.HTTP), True)


def no_key_and_a_wrong_key_are_refused():
    kept = yield lambda rm: (rm.auth_method is rm.AuthorizationMethods.API_KEY, rm.auth_key)
    equal(kept[0], True)
    wrong = yield lambda rm: rm.HTTPClientError
    yield lambda rm: rm.set_authorization_key()
    equal((yield lambda rm: rm.auth_method is rm.AuthorizationMethods.NONE), True)
    error = yield from raised(lambda rm: rm.item_add(count("a")), wrong)
    contains(str(error), "401: Not enough permissions. Requires scopes ['write:queue:edit']. Request had scopes []")
    yield lambda rm: rm.set_authorization_key(api_key="wrong")
    contains(str((yield from raised(lambda rm: rm.item_get(), wrong))), "401: Invalid API key")
    yield lambda rm: rm.set_authorization_key(token="wrong", refresh_token="wrong")
    contains(str((yield from raised(lambda rm: rm.item_get(), wrong))), "401: Could not validate credentials")
    yield lambda rm: rm.set_authorization_key(api_key=kept[1])
    headers = {"Authorization": f"Bearer {kept[1]}"}
    error = yield from raised(lambda rm: rm.send_request(method="queue_get", headers=headers), wrong)
    contains(str(error), "401: Could not validate credentials")
    yield lambda rm: rm.queue_get(reload=True)


def groups_are_those_of_the_key():
    """A group that is asked for changes nothing."""
    for name in ("plans_allowed", "devices_allowed"):
        mine = yield lambda rm, name=name: getattr(rm, name)(reload=True)
        other = yield lambda rm, name=name: getattr(rm, name)(reload=True, user_group="test_user")
        equal(other[name], mine[name])
    allowed = {"user_group": "test_user"}
    # Only that group may call this function.
    yield from refused(lambda rm: rm.function_execute(BFunc("push_buffer_element", 5), **allowed), "'primary'")
    # That group may not run this plan, so it is only the missing arguments that stand in the way.
    yield from refused(lambda rm: rm.item_add(BPlan("adaptive_scan"), **allowed), "arguments", "target_field")


def wrong_requests_change_nothing():
    wrong = yield lambda rm: rm.HTTPClientError
    yield from raised(lambda rm: rm.send_request(method="no_such_method"), (yield lambda rm: rm.RequestParameterError))
    cases = (
        ({"method": ("GET", "/api/no/such/path")}, "404: Not Found"),
        ({"method": ("GET", "/api/queue/item/add")}, "405: Method Not Allowed"),
        (
            {"method": "queue_get", "params": {"color": 1}},
            "400: Request contains keys the are not supported: {'color'}",
        ),
        ({"method": "queue_item_get", "url_params": {"color": 1}}, "400: Request contains keys"),
        ({"method": "queue_autostart", "params": {"enable": "false"}}, "400: "),
        ({"method": "manager_kill"}, "404: Not Found"),
    )
    for request, text in cases:
        error = yield from raised(lambda rm, request=request: rm.send_request(**request), wrong)
        contains(str(error), text)
    equal((yield lambda rm: rm.queue_get(reload=True))["items"], [])


def requests_have_their_own_time():
    added = yield lambda rm: rm.item_add(count("a"))
    uid = added["item"]["item_uid"]
    found = yield lambda rm: rm.send_request(method="queue_item_get", url_params={"uid": uid}, timeout=5)
    equal(found["item"], added["item"])
    path = ("GET", f"/api/queue/item/{uid}")
    found = yield lambda rm: rm.send_request(method=path, auto_refresh_session=False)
    equal(found["item"], added["item"])


def nobody_answers():
    other = yield lambda rm: rm(http_server_uri=NOBODY, timeout=0.5)
    begun_s = time.monotonic()
    unreachable = yield lambda rm: rm.HTTPRequestError
    yield from raised(lambda rm: other.item_get(pos=1), unreachable)
    yield from raised(lambda rm: other.status(), unreachable)
    equal(time.monotonic() - begun_s < 5, True)
    yield lambda rm: other.close()
