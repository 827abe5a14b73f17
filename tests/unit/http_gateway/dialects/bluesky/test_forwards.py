"""Routes that pass requests on: which keys they take from where, what the credential decides, and what is refused."""

from __future__ import annotations

import asyncio

import pytest

from http_gateway.dialects.bluesky.forwards import FORWARDS
from tests.doubles.gateway import answering_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

BY_PATH = {(forward.verb, forward.path): forward for forward in FORWARDS}
PERSON = {"user": "UNAUTHENTICATED_SINGLE_USER", "user_group": "primary"}
# A value of the right type for every key.
VALUES = {
    "reload": True, "pos": 0, "uid": "u", "enable": True, "mode": {"loop": True}, "item": {"name": "count"},
    "items": [{"name": "count"}], "before_uid": "b", "after_uid": "a", "replace": True, "uids": ["u"],
    "ignore_missing": True, "pos_dest": "front", "reorder": True, "size": 1, "item_uid": "u", "run_in_background": True,
    "interrupt_task": True, "interrupt_plan": True, "option": None, "script": "x = 1", "update_lists": True,
    "update_re": True, "task_uid": "t", "reduced": True, "restore_plans_devices": True, "restore_permissions": True,
    "user_group_permissions": {}, "lock_key": "k", "environment": True, "queue": True, "note": "n",
}  # fmt: skip
JSON = {"Content-Type": "application/json"}
OPTIONS = {"re_pause": "deferred", "re_runs": "open", "manager_stop": "safe_off"}

with_optional_body = [forward for forward in FORWARDS if forward.verb == "GET" and not forward.needs_body]
with_required_body = [forward for forward in FORWARDS if forward.needs_body]
with_main_key = [forward for forward in FORWARDS if forward.main_key]


def values_of(forward, keys):
    """A value for each of these keys of a route."""
    return {key: OPTIONS[forward.method] if key == "option" else VALUES[key] for key in keys}


async def send(client, forward, body, **options):
    """Send a request with a JSON body, as the client library does with every verb."""
    return await client.request(forward.verb, f"/api{forward.path}", json=body, **options)


def last_request(manager):
    """The last request that the manager has got, without its status questions."""
    return [request for request in manager.requests if request["method"] != "status"][-1]


# --- what is passed on ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forward", FORWARDS, ids=lambda forward: forward.path)
async def test_every_route_passes_on_what_it_takes_and_returns_the_reply_as_it_is(client, manager, forward):
    reply = {"success": False, "msg": "no", "extra": [1, {"a": None}]}
    manager.answers[forward.method] = reply
    exclusive = {"uid", "before_uid", "after_uid"} if "pos" in forward.keys or "pos_dest" in forward.keys else set()
    sent = values_of(forward, [key for key in forward.keys if key not in exclusive])
    answer = await send(client, forward, sent)
    assert (answer.status_code, answer.json()) == (200, reply)
    request = last_request(manager)
    expected = {name: value for name, value in sent.items() if name != "reload"}
    expected |= {name: PERSON[name] for name in forward.injects} | dict(forward.fixed)
    assert (request["method"], request["params"]) == (forward.method, expected)


@pytest.mark.parametrize("forward", FORWARDS, ids=lambda forward: forward.path)
async def test_a_refusal_shows_nothing_that_bluesky_httpserver_does_not_show(client, manager, forward):
    shown = {"success": False, "msg": "no", "qsize": None, "item": {"name": "error", "kwargs": {"error": 1}}}
    manager.answers[forward.method] = {**shown, "error": {"code": "wrong_state", "details": {}}}
    answer = await send(
        client, forward, values_of(forward, [forward.main_key] if forward.main_key else forward.keys[:1])
    )
    assert (answer.status_code, answer.json()) == (200, shown)


async def test_a_manager_that_is_about_to_end_is_a_503_with_the_advice_to_come_again(client, manager):
    details = {"retry_after_s": 1.0}
    refusal = {
        "success": False,
        "msg": "The manager is stopping.",
        "error": {"code": "shutting_down", "details": details},
    }
    manager.answers["queue_start"] = refusal
    answer = await client.post("/api/queue/start")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "stopping" in answer.json()["detail"]


async def test_what_succeeds_keeps_a_field_of_that_name(client, manager):
    reply = {"success": True, "msg": "", "error": "of another kind"}
    manager.answers["queue_get"] = reply
    assert (await client.get("/api/queue/get")).json() == reply


@pytest.mark.parametrize("forward", FORWARDS, ids=lambda forward: forward.path)
async def test_an_unknown_key_is_named_and_nothing_is_sent(client, manager, forward):
    sent = values_of(forward, forward.keys) | {"nonsense": 1}
    answer = await send(client, forward, sent)
    assert answer.status_code == 400
    assert "keys the are not supported: {'nonsense'}" in answer.json()["detail"]
    assert manager.asked == []


@pytest.mark.parametrize("forward", with_optional_body, ids=lambda forward: forward.path)
@pytest.mark.parametrize("content", [{}, {"content": b""}, {"content": b"{}"}, {"content": b"", "headers": JSON}])
async def test_a_get_needs_no_body(client, manager, forward, content):
    if forward.method == "queue_item_get":
        manager.answers["queue_item_get"] = {"success": True}
    answer = await client.request("GET", f"/api{forward.path}", **content)
    assert answer.status_code == 200
    assert len(manager.requests) == 1


@pytest.mark.parametrize("forward", with_required_body, ids=lambda forward: forward.path)
@pytest.mark.parametrize("content", [b"", b"   ", b"{", b"[]", b'"text"', b"5", b"null", b"\xff"])
async def test_a_required_body_that_is_missing_or_no_object_is_a_422(client, manager, forward, content):
    answer = await client.request(forward.verb, f"/api{forward.path}", content=content)
    assert answer.status_code == 422
    [problem] = answer.json()["detail"]
    assert {"type", "loc", "msg", "input"} == set(problem)
    assert manager.asked == []


async def test_the_credential_decides_who_adds_whatever_was_sent(client, manager):
    await send(client, BY_PATH["POST", "/queue/item/add"], {"item": {}, "user": "GUI Client", "user_group": "root"})
    request = last_request(manager)
    assert request["params"] == {"item": {}, **PERSON}


async def test_the_lock_key_is_passed_on(client, manager):
    await send(client, BY_PATH["POST", "/queue/start"], {"lock_key": "k"})
    assert last_request(manager)["params"] == {"lock_key": "k"}


@pytest.mark.parametrize("forward", with_main_key, ids=lambda forward: forward.path)
async def test_without_its_main_key_a_request_is_left_to_the_manager(client, manager, forward):
    answer = await send(client, forward, {})
    assert answer.status_code == 200
    assert forward.main_key not in last_request(manager)["params"]


@pytest.mark.parametrize(
    ("path", "name"), [("/queue/autostart", "enable"), ("/unlock", "lock_key"), ("/lock", "lock_key")]
)
async def test_another_missing_key_is_a_400(client, manager, path, name):
    answer = await send(client, BY_PATH["POST", path], {})
    assert answer.status_code == 400
    assert answer.json()["detail"] == f"Some required keys are missing in the request: {{'{name}'}}"
    assert manager.asked == []


@pytest.mark.parametrize(
    ("verb", "path", "body", "name"),
    [
        ("POST", "/queue/autostart", {"enable": "false"}, "enable"),
        ("POST", "/queue/item/remove", {"uid": 5}, "uid"),
        ("POST", "/queue/item/remove", {"pos": [1]}, "pos"),
        ("POST", "/lock", {"lock_key": "", "queue": True}, "lock_key"),
        ("POST", "/environment/update", {"run_in_background": 1}, "run_in_background"),
        ("GET", "/plans/allowed", {"reduced": "yes"}, "reduced"),
    ],
)
async def test_a_wrong_type_is_a_400_that_names_the_key(client, manager, verb, path, body, name):
    answer = await send(client, BY_PATH[verb, path], body)
    assert answer.status_code == 400
    assert f"'{name}'" in answer.json()["detail"]
    assert manager.asked == []


# --- places and modes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sent", "passed"), [("5", 5), ("-1", -1), ("front", "front"), (3, 3)])
async def test_a_position_may_be_digits_in_a_string(client, manager, sent, passed):
    await send(client, BY_PATH["POST", "/queue/item/add"], {"item": {}, "pos": sent})
    assert last_request(manager)["params"]["pos"] == passed


@pytest.mark.parametrize(
    ("sent", "mode"),
    [
        ({"mode": "default"}, "default"),
        ({"mode": {"loop": True}}, {"loop": True}),
        ({"loop": True}, {"loop": True}),
        ({"loop": False, "ignore_failures": True}, {"loop": False, "ignore_failures": True}),
    ],
)
async def test_a_queue_mode_may_stand_as_a_whole_or_in_its_parts(client, manager, sent, mode):
    await send(client, BY_PATH["POST", "/queue/mode/set"], sent)
    assert last_request(manager)["params"] == {"mode": mode}


# --- the query ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "params"),
    [
        ("/api/queue/item/get?pos=2", {"pos": 2}),
        ("/api/queue/item/get?pos=front", {"pos": "front"}),
        ("/api/queue/item/get?uid=7", {"uid": "7"}),
        ("/api/plans/existing?reduced=true", {"reduced": True}),
        ("/api/task/status?task_uid=t", {"task_uid": "t"}),
        ("/api/task/status?task_uid=[\"a\",\"b\"]", {"task_uid": ["a", "b"]}),
        ("/api/queue/get?reload=true", {}),
    ],
)  # fmt: skip
async def test_a_get_takes_values_from_its_address(client, manager, address, params):
    answer = await client.get(address)
    assert answer.status_code == 200
    assert last_request(manager)["params"] == params


async def test_the_same_value_in_both_places_is_no_contradiction(client, manager):
    await client.request("GET", "/api/queue/item/get?uid=a", json={"uid": "a"})
    assert last_request(manager)["params"] == {"uid": "a"}


@pytest.mark.parametrize(
    ("address", "body"), [("/api/queue/item/get?uid=a", {"uid": "b"}), ("/api/queue/item/get?uid=a&uid=b", {})]
)
async def test_a_contradiction_is_a_400(client, manager, address, body):
    answer = await client.request("GET", address, json=body)
    assert answer.status_code == 400
    assert "'uid'" in answer.json()["detail"]
    assert manager.asked == []


async def test_what_changes_things_takes_nothing_from_its_address(client, manager):
    answer = await client.post("/api/queue/clear?lock_key=k")
    assert answer.status_code == 400
    assert manager.asked == []


# --- conditions and silence -----------------------------------------------------------------------------------------


async def test_the_headers_for_safe_repetition_and_lost_updates_reach_the_manager(client, manager):
    headers = {"Idempotency-Key": "once", "If-Match": '"uid-1"'}
    await send(client, BY_PATH["POST", "/queue/clear"], {}, headers=headers)
    request = last_request(manager)
    assert (request["idempotency_key"], request["if_queue_uid"]) == ("once", "uid-1")


async def test_a_silent_manager_is_a_408_and_holds_nobody_else_up(tmp_path):
    async with answering_gateway(tmp_path, timeout_s=3) as (manager, client):
        manager.answers["queue_get"] = None
        silent = asyncio.create_task(client.get("/api/queue/get"))
        assert (await client.get("/api/history/get")).status_code == 200
        assert not silent.done()
        assert (await silent).status_code == 408
