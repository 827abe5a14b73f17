"""What RunControl promises alike over 0MQ and over HTTP: the real gateway stands before the same manager."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from queue_server.client import (
    CommunicationError,
    HTTPAccessError,
    HTTPConnectError,
    HTTPTimeoutError,
    ParameterError,
    RequestFailedError,
    RequestTimeoutError,
    UnreachableError,
)
from queue_server.client.notices import CONSOLE_TOPIC, EVENT_TOPIC, PROGRESS_TOPIC, Notice
from queue_server.protocol.methods import METHODS
from queue_server.protocol.methods.queue import QueueGetParams, QueuePart
from tests.doubles.gateway import AnsweringManager, running_gateway

REFUSED = {"success": False, "msg": "Error: no.", "error": {"code": "wrong_state", "details": {"state": "idle"}}}
EVENTS = {"success": True, "msg": "", "events": [], "last_seq": 6}


@pytest.fixture
async def manager():
    """A manager that answers from a table."""
    manager = AnsweringManager()
    manager.answers["events_get"] = EVENTS
    yield manager
    await manager.close()


@pytest.fixture(params=["0MQ", "HTTP"])
def transport(request):
    """How the client is connected."""
    return request.param


@pytest.fixture
def patience_s():
    """How long the gateway waits for the manager."""
    return 60.0


@pytest.fixture
async def address(transport, manager, tmp_path, patience_s):
    """Where clients connect to, and further arguments for them."""
    if transport == "0MQ":
        yield manager.control, {"info": manager.info}
        return
    async with running_gateway(manager, tmp_path, timeout_s=patience_s) as client:
        yield str(client.base_url), {"api_key": client.headers["authorization"].partition(" ")[2]}


@pytest.fixture
async def connect(face, address):
    """Make clients; all are closed at the end."""
    made = []

    def make(**options):
        where, arguments = address
        made.append(face(where, **{"timeout_s": 60, **arguments, **options}))
        return made[-1]

    yield make
    for client in made:
        await client("close")


@pytest.fixture
def subscribe(manager, transport):
    """Subscribe, and wait until the manager knows; over HTTP the gateway has seen to that."""

    async def subscribe(client, topics):
        notices = await client("notices", topics)
        for _ in topics if transport == "0MQ" else ():
            await manager.await_subscriber()
        return notices

    return subscribe


def asked(manager, method):
    """Return the parameters of all requests for a method, without those that name the caller."""
    return [request["params"] for request in manager.requests if request["method"] == method]


async def test_the_reply_comes_back_as_the_manager_sent_it(manager, connect):
    reply = {"success": True, "msg": "", "items": [], "running_item": {}, "plan_queue_uid": "u1"}
    manager.answers["queue_get"] = reply
    assert await connect()("send_request", method="queue_get") == reply


async def test_the_status_comes_without_an_envelope(manager, connect):
    assert await connect()("send_request", method="status") == manager.status
    assert await connect()("call", METHODS["status"]) == manager.status


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_parameters_reach_the_manager(manager, connect, encoding):
    client = connect(encoding=encoding)
    params = {"item": {"name": "count", "args": [["det1"], 2.5, None], "kwargs": {"ä": "5"}}, "pos": 3}
    await client("send_request", method="queue_item_add", params=params)
    [arrived] = asked(manager, "queue_item_add")
    assert {name: arrived[name] for name in params} == params


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("queue_item_get", {"pos": 5}),
        ("queue_item_get", {"pos": "front"}),
        ("queue_item_get", {"uid": "null"}),
        ("queue_item_get", {"uid": "17"}),
        ("queue_item_get", {"uid": '"quoted" & ü=+'}),
        ("task_status", {"task_uid": ["a", "1"]}),
        ("task_status", {"task_uid": ("a",)}),
        ("plans_existing", {"reduced": True}),
    ],
)
async def test_every_kind_of_value_reaches_the_manager_also_in_what_only_reads(manager, connect, method, params):
    await connect()("send_request", method=method, params=params)
    assert asked(manager, method) == [json.loads(json.dumps(params))]


async def test_a_refusal_is_an_error_that_carries_the_reply(manager, connect):
    manager.answers["queue_start"] = REFUSED
    with pytest.raises(RequestFailedError, match=r"refused queue_start: Error: no\.") as caught:
        await connect()("send_request", method="queue_start")
    assert caught.value.reply_code == "wrong_state"
    assert caught.value.reply["error"]["details"] == {"state": "idle"}


async def test_a_refusal_is_returned_if_the_client_wants_that(manager, connect):
    manager.answers["queue_start"] = REFUSED
    reply = await connect(request_fail_exceptions=False)("send_request", method="queue_start")
    assert (reply["success"], reply["msg"]) == (False, "Error: no.")


async def test_a_typed_call_raises_on_refusal_even_if_requests_do_not(manager, connect):
    manager.answers["queue_start"] = REFUSED
    with pytest.raises(RequestFailedError):
        await connect(request_fail_exceptions=False)("call", METHODS["queue_start"])


async def test_a_method_that_nobody_knows_is_refused_in_the_words_of_the_manager(manager, connect):
    code = {"code": "unknown_method", "details": {}}
    manager.answers["no_such"] = {"success": False, "msg": "Unknown method 'no_such'", "error": code}
    with pytest.raises(RequestFailedError, match="Unknown method 'no_such'") as caught:
        await connect()("send_request", method="no_such")
    assert caught.value.reply_code == "unknown_method"


@pytest.mark.parametrize("patience_s", [0.5])
async def test_a_silent_manager_is_a_timeout(manager, connect, transport):
    manager.answers["queue_clear"] = None
    client = connect()
    await client("send_request", method="ping")
    with pytest.raises(RequestTimeoutError) as caught:
        await client("send_request", method="queue_clear", timeout_s=0.5 if transport == "0MQ" else 60)
    assert not isinstance(caught.value, UnreachableError)
    assert isinstance(caught.value, HTTPTimeoutError) == (transport == "HTTP")
    assert caught.value.exit_code == 8


async def test_nobody_at_the_address_is_told_apart_from_silence(face, transport):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        client = face(f"{'tcp' if transport == '0MQ' else 'http'}://127.0.0.1:{port}")
        with pytest.raises(UnreachableError, match=f"{port}.*not sent") as caught:
            await client("send_request", method="status", timeout_s=0.1)
    assert isinstance(caught.value, HTTPConnectError) == (transport == "HTTP")
    assert caught.value.exit_code == 3
    await client("close")


async def test_many_requests_at_once_each_get_their_own_reply(manager, connect):
    manager.answers["queue_item_get"] = lambda params: {"success": True, "msg": "", "item": {"name": params["uid"]}}
    client = connect()
    names = [f"item {number}" for number in range(10)]
    replies = await asyncio.gather(
        *(client("send_request", method="queue_item_get", params={"uid": name}) for name in names)
    )
    assert [reply["item"]["name"] for reply in replies] == names


async def test_a_typed_call_sends_only_what_was_set_and_returns_the_declared_result(manager, connect):
    manager.answers["queue_get"] = {
        "success": True, "msg": "", "items": [{"name": "count", "item_uid": "1"}], "running_item": {},
        "plan_queue_uid": "u1", "new": 1,
    }  # fmt: skip
    queue = await connect()("call", METHODS["queue_get"], QueueGetParams(limit=3))
    assert queue == QueuePart(items=[{"name": "count", "item_uid": "1"}], running_item={}, plan_queue_uid="u1")
    assert asked(manager, "queue_get") == [{"limit": 3}]


async def test_every_method_of_the_manager_is_a_method_of_python(manager, connect):
    client = connect()
    reply = await client("queue_item_add", item={"name": "count"}, pos="front", lock_key="secret")
    [arrived] = asked(manager, "queue_item_add")
    assert reply["success"] is True
    assert {name: arrived[name] for name in ("item", "pos", "lock_key")} == {
        "item": {"name": "count"}, "pos": "front", "lock_key": "secret",
    }  # fmt: skip
    assert await client("status") == manager.status


async def test_a_refusal_of_a_python_method_is_the_same_error(manager, connect):
    manager.answers["re_pause"] = REFUSED
    with pytest.raises(RequestFailedError, match="re_pause"):
        await connect()("re_pause", option="immediate")
    assert asked(manager, "re_pause") == [{"option": "immediate"}]


async def test_a_parameter_that_cannot_be_sent_is_refused_before_anything_is_sent(manager, connect):
    with pytest.raises(ParameterError, match="queue_item_add"):
        await connect()("send_request", method="queue_item_add", params={"item": object()})
    assert asked(manager, "queue_item_add") == []


@pytest.mark.parametrize("timeout_s", [0, -1, True, "2", float("nan"), float("inf")])
async def test_a_timeout_that_is_none_is_refused(connect, timeout_s):
    for name in ("timeout_s", "timeout"):
        with pytest.raises(ParameterError, match="timeout_s"):
            await connect()("send_request", method="ping", **{name: timeout_s})
    with pytest.raises(ParameterError, match="timeout_s"):
        connect(timeout_s=timeout_s)


async def test_a_closed_client_says_so_and_may_be_closed_again(connect):
    client = connect()
    await client("send_request", method="ping")
    await client("close")
    await client("close")
    with pytest.raises(CommunicationError, match="closed"):
        await client("send_request", method="ping")


async def test_the_errors_can_be_caught_by_attributes_of_the_client(connect):
    run_control = connect().run_control
    assert run_control.RequestTimeoutError is RequestTimeoutError
    assert run_control.RequestFailedError is RequestFailedError
    for name in ("HTTPRequestError", "HTTPClientError", "HTTPServerError"):
        assert issubclass(getattr(run_control, name), CommunicationError)


async def test_arguments_of_the_other_kind_of_connection_are_refused(face, transport):
    if transport == "0MQ":
        with pytest.raises(ValueError, match="api_key"):
            face("tcp://127.0.0.1:1", api_key="abc")
        return
    for name, value in {"info": "tcp://127.0.0.1:2", "server_key": "x" * 40}.items():
        with pytest.raises(ParameterError, match=name):
            face("http://127.0.0.1:1", **{name: value})


# --- notices --------------------------------------------------------------------------------------------------------


async def test_notices_arrive_with_topic_and_payload(manager, connect, subscribe):
    event = {"seq": 7, "time": 3.5, "kind": "queue_start", "lane": "default", "data": {}}
    sent = [
        Notice(CONSOLE_TOPIC, {"time": 5.5, "msg": "one\n"}),
        Notice(PROGRESS_TOPIC, {"time": 6.0, "lane": "default", "points": 3}),
        Notice(EVENT_TOPIC, event),
    ]
    client = connect()
    notices = await subscribe(client, [notice.topic for notice in sent])
    for notice in sent:
        await manager.publish(*notice)
    arrived = [await client.receive(notices) for _ in sent]
    assert {notice.topic: notice for notice in arrived} == {notice.topic: notice for notice in sent}
    await client.end(notices)


async def test_only_subscribed_topics_arrive(manager, connect, subscribe):
    client = connect()
    notices = await subscribe(client, ["QS_Con"])
    await manager.publish(PROGRESS_TOPIC, {"time": 6.0, "lane": "default", "points": 3})
    await manager.publish(CONSOLE_TOPIC, {"time": 5.5, "msg": "one\n"})
    assert (await client.receive(notices)).text == "one\n"
    assert await client.receive(notices, timeout_s=0) is None
    await client.end(notices)


async def test_output_from_before_the_subscription_does_not_arrive(manager, connect, subscribe):
    client = connect()
    first = await subscribe(client, [CONSOLE_TOPIC])
    await manager.publish(CONSOLE_TOPIC, {"time": 5.5, "msg": "old\n"})
    await client.receive(first)
    await client.end(first)
    second = await subscribe(connect(), ["QS_Consol"])
    await manager.publish(CONSOLE_TOPIC, {"time": 6.5, "msg": "new\n"})
    assert await client.first(second, "console", 1) == ["new\n"]
    await client.end(second)


async def test_nothing_within_the_time_is_none(connect):
    client = connect()
    notices = await client("notices", [EVENT_TOPIC])
    assert await client.receive(notices, timeout_s=0.01) is None
    assert await client.receive(notices, timeout_s=0) is None
    await client.end(notices)
    await client.end(notices)


@pytest.mark.parametrize("topics", [[], "QS_Info"])
async def test_topics_that_are_no_list_of_topics_are_refused(connect, topics):
    with pytest.raises(ParameterError, match="topics"):
        await connect()("notices", topics)


async def test_a_status_that_fits_already_is_returned_at_once(manager, connect):
    status = await connect()("wait_for_status", lambda status: status["manager_state"] == "idle", 5)
    assert status == manager.status


async def test_a_status_that_fits_later_is_taken_from_the_notices(manager, connect):
    manager.status["manager_state"] = "executing_queue"
    looked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def is_idle(status):
        loop.call_soon_threadsafe(looked.set)
        return status["manager_state"] == "idle"

    waiting = asyncio.create_task(connect()("wait_for_status", is_idle, 5))
    await looked.wait()
    await manager.publish_status(manager_state="idle")
    assert (await waiting)["manager_state"] == "idle"


async def test_a_state_that_is_not_reached_in_time_is_a_timeout_with_the_last_status(manager, connect):
    manager.status["manager_state"] = "paused"
    with pytest.raises(RequestTimeoutError, match="paused") as caught:
        await connect()("wait_for_status", lambda status: status["manager_state"] == "idle", 0.05)
    assert caught.value.details["status"]["manager_state"] == "paused"


# --- what only one of them has ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("headers", {"method": "ping", "headers": {}}),
        ("data", {"method": "ping", "data": {}}),
        ("auto_refresh_session", {"method": "ping", "auto_refresh_session": False}),
        ("method", {"method": ("GET", "/api/status")}),
        ("method", {"method": ["GET", "/api/status"]}),
    ],
)
@pytest.mark.parametrize("transport", ["0MQ"], indirect=True)
async def test_what_is_for_http_only_is_refused_over_0mq_by_its_name(connect, name, arguments):
    with pytest.raises(ValueError, match=f"'{name}'"):
        await connect()("send_request", **arguments)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("login", ("anna", "secret", "local")),
        ("session_refresh", ()),
        ("session_revoke", ("1",)),
        ("logout", ()),
        ("whoami", ()),
        ("api_scopes", ()),
        ("apikey_info", ()),
    ],
)
@pytest.mark.parametrize("transport", ["0MQ"], indirect=True)
async def test_accounts_are_for_http_only(connect, name, arguments):
    with pytest.raises(ValueError, match=f"'{name}'"):
        await connect()(name, *arguments)


@pytest.mark.parametrize("transport", ["HTTP"], indirect=True)
@pytest.mark.parametrize("method", [("GET", "/api/status"), ["get", "/api/status"]])
async def test_a_verb_and_a_path_return_the_answer_as_it_is(manager, connect, method):
    assert await connect()("send_request", method=method) == manager.status


@pytest.mark.parametrize("transport", ["HTTP"], indirect=True)
async def test_a_verb_and_a_path_take_query_body_and_headers(manager, connect):
    client = connect()
    await client("send_request", method=("GET", "/v1/queue"), params={"limit": 7})
    headers = {"Idempotency-Key": "k1"}
    await client("send_request", method=("POST", "/v1/queue/items"), params={"item": {"name": "a"}}, headers=headers)
    assert asked(manager, "queue_get") == [{"limit": 7}]
    [request] = [request for request in manager.requests if request["method"] == "queue_item_add"]
    assert request["idempotency_key"] == "k1"


@pytest.mark.parametrize("transport", ["HTTP"], indirect=True)
@pytest.mark.parametrize("method", [("GET",), ("GET", "api/status"), ("FETCH", "/api/status"), (1, 2), []])
async def test_what_is_neither_a_name_nor_a_verb_and_path_is_refused(connect, method):
    with pytest.raises(ParameterError, match="method"):
        await connect()("send_request", method=method)


@pytest.mark.parametrize("transport", ["HTTP"], indirect=True)
async def test_a_wrong_key_is_an_error_of_access_with_status_detail_and_request_id(connect):
    client = connect(api_key="wrong")
    with pytest.raises(HTTPAccessError, match="401: ") as caught:
        await client("send_request", method="queue_get")
    error = caught.value
    assert (error.status, error.exit_code, bool(error.detail), len(error.request_id)) == (401, 9, True, 32)
    with pytest.raises(HTTPAccessError):
        await client("notices")


@pytest.mark.parametrize("transport", ["HTTP"], indirect=True)
async def test_a_queue_of_many_parts_comes_as_a_whole(manager, connect):
    items = [{"name": "count", "item_uid": str(number)} for number in range(10_500)]

    def part(params):
        places = {item["item_uid"]: place for place, item in enumerate(items)}
        start = places[params["after_uid"]] + 1 if "after_uid" in params else 0
        chosen = items[start : start + params["limit"]]
        return {"success": True, "msg": "", "items": chosen, "running_item": {}, "plan_queue_uid": "u1"}

    manager.answers["queue_get"] = part
    assert (await connect()("queue_get"))["items"] == items
    assert len(asked(manager, "queue_get")) == 2
