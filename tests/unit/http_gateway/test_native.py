"""The native routes: one for each method, with the status codes, pages and tags that HTTP has for it."""

from __future__ import annotations

import pytest
import pytest_asyncio

from http_gateway.native import content_uid_of
from queue_server.protocol.codec import decode, encode
from queue_server.protocol.methods import METHODS
from tests.doubles.gateway import answering_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

PERSON = {"user": "UNAUTHENTICATED_SINGLE_USER", "user_group": "primary"}
MSGPACK = "application/msgpack"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory):
    """The manager and a client of the gateway in front of it."""
    async with answering_gateway(tmp_path_factory.mktemp("gateway"), test_routes=True) as both:
        yield both


@pytest.fixture
def manager(shared):
    """The manager behind the gateway, which has been asked nothing yet."""
    manager, _ = shared
    manager.forget()
    return manager


@pytest.fixture
def client(shared):
    """A client with the API key of the gateway."""
    return shared[1]


def last_request(manager):
    """The last request that the manager has got, without its status questions."""
    return [request for request in manager.requests if request["method"] != "status"][-1]


ROUTED = [method for method in METHODS.values() if not method.is_for_gateways]


@pytest.mark.parametrize("method", ROUTED, ids=lambda method: method.name)
async def test_every_method_has_its_route(client, manager, method):
    verb, path = method.route
    manager.answers[method.name] = {"success": False, "msg": "no", "error": {"code": "wrong_state", "details": {}}}
    answer = await client.request(verb, f"/v1{path}")
    if method.bare:
        assert (answer.status_code, answer.json()) == (200, manager.status)
    elif answer.status_code == 422:
        assert answer.json()["type"].endswith("invalid_parameter")
        assert manager.asked == []
    else:
        assert (answer.status_code, answer.json()["detail"]) == (409, "no")
        assert last_request(manager)["method"] == method.name


async def test_what_only_gateways_call_has_no_route(client, manager):
    for method in METHODS.values():
        if method.is_for_gateways:
            verb, path = method.route
            answer = await client.request(verb, f"/v1{path}", json=dict(method.example))
            assert answer.status_code == 404, method.name
    assert manager.asked == []


async def test_a_reply_is_the_result_alone(client, manager):
    manager.answers["queue_item_add"] = {"success": True, "msg": "", "qsize": 1, "item": {"item_uid": "u"}}
    answer = await client.post("/v1/queue/items", json={"item": {"name": "count"}})
    assert (answer.status_code, answer.json()) == (200, {"qsize": 1, "item": {"item_uid": "u"}})
    assert last_request(manager)["params"] == {"item": {"name": "count"}, **PERSON}


async def test_the_credential_decides_who_asks(client, manager):
    body = {"item": {}, "user": "somebody", "user_group": "root"}
    await client.post("/v1/queue/items", json=body)
    assert last_request(manager)["params"] == {"item": {}, **PERSON}


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("wrong_state", 409),
        ("not_found", 404),
        ("conflict", 409),
        ("stale", 412),
        ("forbidden", 403),
        ("locked", 423),
        ("busy", 429),
        ("invalid_parameter", 422),
        ("storage", 503),
        ("storage_full", 507),
        ("internal", 500),
        ("of_another_release", 409),
    ],
)
async def test_a_refusal_is_a_problem_with_the_status_of_its_kind(client, manager, code, status):
    details = {"why": 1}
    manager.answers["queue_clear"] = {"success": False, "msg": "no", "error": {"code": code, "details": details}}
    answer = await client.post("/v1/queue/clear")
    problem = answer.json()
    assert answer.status_code == problem["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["type"], problem["detail"], problem["details"]) == (f"urn:cuelight:problem:{code}", "no", details)
    assert problem["request_id"] == answer.headers["x-request-id"]


async def test_what_the_manager_shows_beside_a_refusal_is_shown(client, manager):
    error = {"code": "refused", "details": {}}
    shown = {"results": [{"success": False, "msg": "no"}], "qsize": 0}
    manager.answers["queue_item_add_batch"] = {"success": False, "msg": "no", "error": error, **shown}
    answer = await client.post("/v1/queue/items:batch", json={"items": [{}]})
    assert (answer.status_code, answer.json()["fields"]) == (409, shown)


@pytest.mark.parametrize("body", [{"nonsense": 1}, {"lock_key": 5}])
async def test_a_wrong_parameter_is_a_422_that_names_it(client, manager, body):
    answer = await client.post("/v1/queue/clear", json=body)
    assert answer.status_code == 422
    assert next(iter(body)) in answer.json()["detail"]
    assert manager.asked == []


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"{", "application/json"), (b"[]", "application/json"), (b"x=1", "text/plain"), (b"{}", MSGPACK)],
)
async def test_a_body_that_cannot_be_read_is_a_400(client, manager, content, kind):
    answer = await client.post("/v1/queue/clear", content=content, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:cuelight:problem:bad_request")
    assert manager.asked == []


async def test_a_silent_manager_is_a_504(tmp_path):
    async with answering_gateway(tmp_path, timeout_s=0.3) as (manager, client):
        manager.answers["queue_get"] = None
        assert (await client.get("/v1/queue")).status_code == 504


# --- encodings ------------------------------------------------------------------------------------------------------


async def test_msgpack_is_read_and_answered_where_it_is_named(client, manager):
    manager.answers["queue_item_add"] = {"success": True, "msg": "", "qsize": 1, "item": {}}
    headers = {"Content-Type": MSGPACK, "Accept": MSGPACK}
    answer = await client.post("/v1/queue/items", content=encode({"item": {"name": "a"}}, "msgpack"), headers=headers)
    assert decode(answer.content) == ({"qsize": 1, "item": {}}, "msgpack")
    assert answer.headers["content-type"] == MSGPACK
    assert last_request(manager)["params"]["item"] == {"name": "a"}


# --- pages ----------------------------------------------------------------------------------------------------------


async def test_a_queue_comes_in_pages(client, manager):
    items = [{"item_uid": f"u{number}"} for number in range(2)]
    manager.answers["queue_get"] = {"success": True, "items": items, "running_item": {}, "plan_queue_uid": "q"}
    answer = await client.get("/v1/queue?limit=2&cursor=u9")
    assert answer.json()["next_cursor"] == "u1"
    assert last_request(manager)["params"] == {"limit": 2, "after_uid": "u9"}
    assert (await client.get("/v1/queue?limit=3")).json()["next_cursor"] is None


async def test_without_a_limit_a_page_has_a_hundred(client, manager):
    await client.get("/v1/events")
    assert last_request(manager)["params"]["limit"] == 100


async def test_a_history_goes_on_where_the_manager_says(client, manager):
    manager.answers["history_get"] = {"success": True, "items": [], "plan_history_uid": "h", "before": 17}
    assert (await client.get("/v1/history?limit=5")).json()["next_cursor"] == "17"
    await client.get("/v1/history?cursor=17")
    assert last_request(manager)["params"]["before"] == 17


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "cursor=1&before=2", "limit=1&limit=2", "nonsense=1"])
async def test_a_wrong_page_is_a_422(client, manager, query):
    assert (await client.get(f"/v1/history?{query}")).status_code == 422
    assert manager.asked == []


# --- tags -----------------------------------------------------------------------------------------------------------


async def test_the_lists_of_the_status_have_tags():
    tagged = {method.name for method in METHODS.values() if content_uid_of(method)}
    assert {"queue_get", "history_get", "plans_allowed", "devices_existing", "re_runs", "lock_info"} <= tagged


async def test_a_list_that_is_known_already_is_not_sent_again(client, manager):
    manager.status = {**manager.status, "revision": manager.status["revision"] + 1, "plan_queue_uid": "q1"}
    await manager.publish_status()
    manager.answers["queue_get"] = {"success": True, "items": [], "running_item": {}, "plan_queue_uid": "q1"}
    tag = (await client.get("/v1/queue")).headers["etag"]
    assert tag == '"q1"'
    # A mutation makes the gateway ask, so that the status is the present one.
    await client.post("/v1/queue/clear")
    answer = await client.get("/v1/queue", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert (await client.get("/v1/queue", headers={"If-None-Match": '"q0"'})).status_code == 200


@pytest.mark.parametrize("name", ["X-API-Key", "Authorization"])
async def test_a_key_is_taken_in_a_header_of_its_own_and_as_a_bearer(client, name):
    key = client.headers["Authorization"].removeprefix("ApiKey ")
    bare = {"Authorization": f"Bearer {key}"} if name == "Authorization" else {name: key}
    known = client.headers.pop("Authorization")
    try:
        assert (await client.get("/v1/status", headers=bare)).status_code == 200
        assert (await client.get("/v1/status", headers={"X-API-Key": "wrong"})).status_code == 401
        assert (await client.get("/api/status", headers=bare)).status_code == 401
    finally:
        client.headers["Authorization"] = known
