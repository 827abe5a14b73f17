"""From frames to replies: every frame is answered once, in kind, and a refusal has the shape of the reply."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from queue_server.protocol.codec import decode, encode
from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.methods import METHODS
from queue_server.protocol.peer import ANYBODY, Peer
from tests.cases import each
from tests.doubles.bench import PATIENCE_S, USER, plan
from tests.doubles.stores import GatedStore

WITH_FIELDS = sorted(name for name, method in METHODS.items() if not method.bare)
BARE = sorted(name for name, method in METHODS.items() if method.bare)


@pytest.fixture
def answer(bench):
    """Send a frame; return the message that comes back and its encoding."""

    async def send(frame):
        async with asyncio.timeout(PATIENCE_S):
            return decode(await bench.send(frame))

    return send


# --- encodings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.parametrize("method", ["status", "queue_get", "queue_clear", "re_pause", "no_such_method"])
async def test_every_kind_of_reply_comes_in_the_encoding_of_its_request(answer, encoding, method):
    _, answered_in = await answer(encode({"method": method, "params": {}}, encoding))
    assert answered_in == encoding


async def test_both_encodings_say_the_same(answer, bench):
    await bench.add("count")
    frames = [encode({"method": "queue_get", "params": {}}, encoding) for encoding in ("json", "msgpack")]
    replies = [(await answer(frame))[0] for frame in frames]
    assert replies[0] == replies[1]


# --- the envelope ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.parametrize("identifier", ["a", 0, 7])
@pytest.mark.parametrize(
    "request_", [{"method": "queue_get"}, {"method": "queue_start"}, {"method": "re_pause"}, {"method": "absent"}]
)
async def test_the_id_of_a_request_comes_back_with_success_and_refusal(answer, encoding, identifier, request_):
    reply, _ = await answer(encode({**request_, "id": identifier}, encoding))
    assert reply["id"] == identifier


async def test_a_request_without_an_id_is_answered_without_one(answer):
    assert "id" not in (await answer(b'{"method": "queue_get"}'))[0]


@pytest.mark.parametrize("name", ["absent", "Status", "__init__", "queue_get "])
async def test_an_unknown_method_is_named(answer, name):
    reply, _ = await answer(encode({"method": name, "params": {}}))
    assert reply == {
        "success": False,
        "msg": f"Unknown method '{name}'",
        "error": {"code": "unknown_method", "details": {}},
    }


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x00",
        b"hello",
        b"[]",
        b"{",
        b'{"method": }',
        b"{}",
        b'{"method": 5}',
        b'{"method": ""}',
        b'{"method": "status", "params": []}',
        b'{"method": "status", "params": "x"}',
        b'{"method": "status", "surprise": 1}',
        b'{"method": "status", "id": 1.5}',
        b'{"method": "status", "origin": "me"}',
        b'{"method": "queue_clear", "idempotency_key": ""}',
        b'{"method": "queue_clear", "idempotency_key": 5}',
        b'{"method": "' + b"x" * 200 + b'"}',
        b"\x80",
        b"\x81\xa6method",
        b"\xdf\xff\xff\xff\xff",
        b"\x81\xa6method\xc1",
        b"\x81\xa6method\xa6status" + b"\x00",
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b"\x81\xa1a" * 2000 + b"\x01",
        b'{"method": "status", "params": {"\xff": 1}}',
    ],
)
async def test_a_frame_that_is_no_request_is_refused_and_says_why(answer, frame):
    reply, encoding = await answer(frame)
    assert reply["success"] is False
    assert reply["error"]["code"] == "bad_request"
    assert reply["msg"]
    assert encoding == ("msgpack" if frame[:1] in (b"\x80", b"\x81", b"\xdf") else "json")


async def test_params_may_be_left_out_or_null(answer):
    for frame in (b'{"method": "queue_get"}', b'{"method": "queue_get", "params": null}'):
        assert (await answer(frame))[0]["success"] is True


@pytest.mark.parametrize("method", ["status", "queue_clear", "re_pause"])
async def test_an_origin_is_forbidden_for_every_kind_of_method(bench, answer, method):
    state = bench.engine.state
    reply, _ = await answer(encode({"method": method, "origin": {"user": "ada"}}))
    assert (reply["success"], reply["error"]["code"]) == (False, "forbidden")
    assert bench.engine.state is state


# --- the shape of refusals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@each("name", WITH_FIELDS)
async def test_a_refusal_has_every_field_of_the_reply(answer, name, encoding):
    reply, _ = await answer(encode({"method": name, "params": {"no_such_parameter": 1}}, encoding))
    method = METHODS[name]
    assert set(reply) == {"success", "msg", "error", *method.failure_fields}
    assert {field: reply[field] for field in method.failure_fields} == method.failure_fields
    assert reply["success"] is False
    assert reply["msg"] == (
        f"{method.refusal}API request contains unsupported parameters: 'no_such_parameter'. "
        f"Supported parameters: {list(method.params.model_fields)}"
    )
    assert reply["error"] == {"code": "invalid_parameter", "details": {"field": "no_such_parameter"}}


@pytest.mark.parametrize("name", BARE)
async def test_a_refusal_of_a_bare_method_has_no_field_but_its_own(answer, name):
    reply, _ = await answer(encode({"method": name, "params": {"no_such_parameter": 1}}))
    assert set(reply) == {"success", "msg", "error"}


@pytest.mark.parametrize("name", WITH_FIELDS)
async def test_a_reply_has_exactly_the_declared_fields(bench, name):
    params = {
        "queue_item_add": {"item": plan(), **USER},
        "queue_item_add_batch": {"items": [plan()], **USER},
        "plans_allowed": {"user_group": "primary"},
        "devices_allowed": {"user_group": "primary"},
        # Only a part of the history has a cursor.
        "history_get": {"limit": 5},
    }.get(name, {})
    reply = await bench.ask(name, **params)
    expected = {"success", "msg", *METHODS[name].failure_fields}
    if name == "queue_get":
        # Shown to those who filter; everybody else sees what clients of bluesky-queueserver know.
        expected -= {"next_after_uid"}
    assert set(reply) == (expected if reply["success"] else {*expected, "error"})
    assert isinstance(reply["msg"], str)


@pytest.mark.parametrize("lock_key", ["", 5, ["k"]])
async def test_a_lock_key_must_be_a_text(bench, lock_key):
    assert (await bench.refuse("queue_clear", lock_key=lock_key))["error"]["details"]["field"] == "lock_key"


async def test_a_lock_key_without_a_lock_is_no_obstacle(bench):
    await bench.do("queue_clear", lock_key="k")


# --- what is unforeseen ---------------------------------------------------------------------------------------------


class BrokenCatalog:
    """A catalog with a fault in its code."""

    dags_existing: Mapping[str, object] = {}

    @property
    def plans_existing(self):
        """Fail."""
        raise ZeroDivisionError("a secret of the inside")

    def for_group(self, group):
        """Fail."""
        raise ZeroDivisionError("a secret of the inside")


@pytest.mark.parametrize(("method", "params"), [("plans_existing", {}), ("queue_item_add", {"item": plan(), **USER})])
async def test_a_fault_inside_is_logged_and_answered_without_its_text(bench, caplog, method, params):
    bench.resources.use(DEFAULT_LANE, BrokenCatalog())
    reply = await bench.refuse(method, **params)
    assert reply["error"]["code"] == "internal"
    assert "secret" not in str(reply)
    assert "secret" in caplog.text
    assert set(METHODS[method].failure_fields) <= set(reply)
    await bench.do("queue_get")


# --- large messages and order ---------------------------------------------------------------------------------------


async def test_a_large_request_is_decoded_beside_the_loop_and_answered(bench):
    item = plan(meta={"notes": "x" * 300_000})
    reply = await bench.do("queue_item_add", item=item, **USER)
    assert reply["item"]["meta"] == item["meta"]


async def test_a_request_above_the_limit_is_refused(bench, answer):
    reply, _ = await answer(b'{"method": "' + b"x" * (8 * 1024 * 1024) + b'"}')
    assert "bytes" in reply["msg"]


async def test_requests_of_one_kind_are_done_in_the_order_in_which_they_came(bench):
    replies = [bench.request("queue_item_add", item=plan(meta={"n": n}), **USER) for n in range(50)]
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*replies)
    items = (await bench.do("queue_get"))["items"]
    assert [item["meta"]["n"] for item in items] == list(range(50))


async def test_a_reply_and_every_later_status_contain_the_effect(bench):
    for size in range(1, 4):
        reply = await bench.do("queue_item_add", item=plan(), **USER)
        assert reply["qsize"] == (await bench.ask("status"))["items_in_queue"] == size


async def test_what_is_answered_from_memory_does_not_wait_for_the_store(make_bench, store):
    gated = GatedStore(store)
    bench = await make_bench(gated)
    gated.shut()
    slow = bench.request("queue_get")
    await gated.wait_for_turn()
    for method in ("status", "config_get", "plans_existing", "permissions_get", "re_runs", "re_pause"):
        assert (await bench.ask(method)) is not None
    assert not slow.done()
    gated.open()


# --- conditions -----------------------------------------------------------------------------------------------------


async def test_an_edit_that_is_based_on_an_earlier_queue_changes_nothing(answer, bench):
    await bench.add("count")
    seen = bench.status["plan_queue_uid"]
    clear = {"method": "queue_clear", "params": {}, "if_queue_uid": seen}
    await bench.add("scan")
    reply, _ = await answer(encode(clear))
    assert (reply["success"], reply["error"]["code"]) == (False, "stale")
    assert reply["error"]["details"] == {"plan_queue_uid": bench.status["plan_queue_uid"]}
    assert bench.status["items_in_queue"] == 2
    reply, _ = await answer(encode({**clear, "if_queue_uid": bench.status["plan_queue_uid"]}))
    assert reply["success"]
    assert bench.status["items_in_queue"] == 0


# --- without room ---------------------------------------------------------------------------------------------------


async def take_without_room(bench, frame, peer=ANYBODY):
    """Hand over a frame for which there is no room; return the reply, which comes at once."""
    replies = []
    bench.dispatcher.take(frame, replies.append, peer, has_room=False)
    [reply] = replies
    return decode(reply)[0]


async def test_without_room_what_needs_no_store_is_done_and_everything_else_is_busy(bench):
    assert (await take_without_room(bench, b'{"method": "status"}'))["manager_state"] == "idle"
    assert (await take_without_room(bench, b'{"method": "re_pause"}'))["error"]["code"] == "wrong_state"
    assert (await take_without_room(bench, b"nonsense"))["error"]["code"] == "bad_request"
    for method in ("queue_get", "queue_clear", "plans_existing"):
        reply = await take_without_room(bench, encode({"method": method}))
        assert reply["error"]["code"] == "busy", method
        assert reply["error"]["details"]["retry_after_s"] > 0
        assert set(METHODS[method].failure_fields) <= set(reply)


async def test_the_user_of_an_item_is_the_owner_of_the_key(bench):
    replies = asyncio.Queue()
    request = encode({"method": "queue_item_add", "params": {"item": plan(), **USER}})
    bench.dispatcher.take(request, replies.put_nowait, Peer("anna"))
    async with asyncio.timeout(PATIENCE_S):
        reply = decode(await replies.get())[0]
    assert reply["item"]["user"] == "anna"
