"""What both forms of RunControl promise about requests and replies."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest
import zmq

from queue_server.client import (
    CommunicationError,
    ParameterError,
    RequestFailedError,
    RequestTimeoutError,
    UnreachableError,
)
from queue_server.protocol.codec import decode, encode
from queue_server.protocol.methods import METHODS
from queue_server.protocol.methods.queue import QueueGetParams, QueuePart

REFUSED = {"success": False, "msg": "Error: no.", "error": {"code": "wrong_state", "details": {"state": "idle"}}}


class LastWords(threading.Thread):
    """A manager that answers one request and goes."""

    def __init__(self):
        super().__init__(name="last-words", daemon=True)
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.bind("tcp://127.0.0.1:*")
        self.address = self._router.getsockopt_string(zmq.LAST_ENDPOINT)
        self.start()

    def run(self):
        """Answer and go; what was sent may leave."""
        identity, data = self._router.recv_multipart()
        request = decode(data)[0]
        self._router.send_multipart([identity, encode({"success": True, "msg": "stopping", "id": request["id"]})])
        self._router.close(linger=5_000)
        self._context.term()


@pytest.fixture
def silent_port():
    """A TCP port of the loopback interface on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def test_the_reply_comes_back_as_the_manager_sent_it(manager, connect):
    manager.answers["status"] = lambda _: {"manager_state": "idle", "items_in_queue": 3}
    assert await connect()("send_request", method="status") == {"manager_state": "idle", "items_in_queue": 3}
    assert manager.requests == [("status", {})]


async def test_parameters_reach_the_manager(manager, connect):
    manager.answers["queue_item_get"] = lambda params: {"success": True, "msg": "", "item": {"pos": params["pos"]}}
    reply = await connect()("send_request", method="queue_item_get", params={"pos": "front"})
    assert reply["item"] == {"pos": "front"}


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_requests_are_sent_in_the_chosen_encoding(manager, connect, encoding):
    reply = await connect(encoding=encoding)("send_request", method="ping", params={"a": [1, 2.5, None]})
    assert reply == {"msg": "here"}
    assert manager.requests == [("ping", {"a": [1, 2.5, None]})]
    assert manager.encodings == [encoding]


async def test_a_refusal_is_an_error_that_carries_the_reply(manager, connect):
    manager.answers["queue_start"] = lambda _: REFUSED
    with pytest.raises(RequestFailedError, match=r"refused queue_start: Error: no\.") as caught:
        await connect()("send_request", method="queue_start")
    assert caught.value.reply == REFUSED
    assert caught.value.reply_code == "wrong_state"


async def test_a_refusal_is_returned_if_the_client_wants_that(manager, connect):
    manager.answers["queue_start"] = lambda _: REFUSED
    assert await connect(request_fail_exceptions=False)("send_request", method="queue_start") == REFUSED


async def test_the_errors_can_be_caught_by_attributes_of_the_client(manager, connect):
    manager.answers["queue_start"] = lambda _: REFUSED
    client = connect()
    with pytest.raises(client.run_control.RequestFailedError):
        await client("send_request", method="queue_start")
    assert client.run_control.RequestTimeoutError is RequestTimeoutError


async def test_silence_is_a_timeout_that_names_the_method_and_the_address(manager, connect):
    manager.answers["queue_get"] = lambda _: None
    client = connect()
    # Connected by then, so that the next one is certainly sent.
    await client("send_request", method="ping")
    with pytest.raises(RequestTimeoutError) as caught:
        await client("send_request", method="queue_get", timeout_s=0.1)
    assert "queue_get" in caught.value.message
    assert manager.control in caught.value.message
    assert not isinstance(caught.value, UnreachableError)


async def test_a_late_reply_is_not_taken_for_the_next_one(manager, connect):
    def answer_both(_):
        manager.answer_silenced("queue_get")
        return {"msg": "mine"}

    client = connect()
    await client("send_request", method="ping")
    manager.answers |= {"queue_get": lambda _: None, "ping": answer_both}
    with pytest.raises(RequestTimeoutError):
        await client("send_request", method="queue_get", timeout_s=0.1)
    assert await client("send_request", method="ping") == {"msg": "mine"}
    assert await client("send_request", method="ping") == {"msg": "mine"}


async def test_a_reply_to_another_request_is_passed_over(manager, connect):
    def answer_after_a_stray(_):
        manager.send_stray(identifier=4711)
        return {"msg": "mine"}

    manager.answers["ping"] = answer_after_a_stray
    assert await connect()("send_request", method="ping") == {"msg": "mine"}


async def test_a_reply_without_an_id_belongs_to_the_request_that_waits(manager, connect):
    manager.answers["ping"] = lambda _: {"success": False, "msg": "unreadable", "id": None}
    with pytest.raises(RequestFailedError, match="unreadable"):
        await connect()("send_request", method="ping")


async def test_nobody_at_the_address_is_told_apart_from_silence(face, silent_port):
    client = face(f"tcp://127.0.0.1:{silent_port}")
    with pytest.raises(UnreachableError, match=f"{silent_port}.*not sent"):
        await client("send_request", method="status", timeout_s=0.1)
    await client("close")


async def test_a_request_that_was_given_up_never_arrives_later(face, silent_port, start_manager):
    client = face(f"tcp://127.0.0.1:{silent_port}")
    with pytest.raises(UnreachableError):
        await client("send_request", method="queue_start", timeout_s=0.1)
    manager = start_manager(control=f"tcp://127.0.0.1:{silent_port}")
    await client("send_request", method="ping", timeout_s=60)
    assert manager.requests == [("ping", {})]
    await client("close")


async def test_the_client_finds_a_restarted_manager_again(face, start_manager):
    manager = start_manager()
    client = face(manager.control, timeout_s=60)
    await client("send_request", method="ping")
    manager.stop()
    again = start_manager(control=manager.control)
    assert await client("send_request", method="ping") == {"msg": "here"}
    assert again.requests == [("ping", {})]
    await client("close")


async def test_a_manager_that_ends_with_its_reply_is_understood_every_time(face):
    for number in range(40):
        manager = LastWords()
        client = face(manager.address, timeout_s=60)
        reply = await client("send_request", method="manager_stop", params={"option": str(number)})
        assert reply == {"success": True, "msg": "stopping"}
        await client("close")
        manager.join()


async def test_many_requests_at_once_each_get_their_own_reply(manager, connect):
    waiting = []

    def answer_when_all_are_there(params):
        waiting.append(params)
        if len(waiting) < 4:
            return None
        manager.answer_silenced("queue_get", count=len(waiting))
        return {"success": True, "msg": "last", "count": len(waiting)}

    manager.answers["queue_get"] = answer_when_all_are_there
    client = connect()
    replies = await asyncio.gather(
        *(client("send_request", method="queue_get", params={"limit": number}) for number in range(4))
    )
    assert [reply["count"] for reply in replies] == [4] * 4
    assert sorted(reply["msg"] for reply in replies) == ["last", *["late"] * 3]


async def test_a_typed_call_sends_only_what_was_set_and_returns_the_declared_result(manager, connect):
    manager.answers["queue_get"] = lambda _: {
        "success": True, "msg": "", "items": [{"name": "count"}], "running_item": {}, "plan_queue_uid": "u1", "new": 1,
    }  # fmt: skip
    queue = await connect()("call", METHODS["queue_get"], QueueGetParams(limit=3))
    assert queue == QueuePart(items=[{"name": "count"}], running_item={}, plan_queue_uid="u1")
    assert manager.requests == [("queue_get", {"limit": 3})]


async def test_a_typed_call_returns_the_whole_reply_of_a_method_without_an_envelope(manager, connect):
    manager.answers["status"] = lambda _: {"manager_state": "idle"}
    assert await connect()("call", METHODS["status"]) == {"manager_state": "idle"}


async def test_a_typed_call_raises_on_refusal_even_if_requests_do_not(manager, connect):
    manager.answers["queue_start"] = lambda _: REFUSED
    with pytest.raises(RequestFailedError):
        await connect(request_fail_exceptions=False)("call", METHODS["queue_start"])


async def test_a_parameter_that_cannot_be_sent_is_refused_before_anything_is_sent(manager, connect):
    client = connect()
    with pytest.raises(ParameterError, match="queue_item_add"):
        await client("send_request", method="queue_item_add", params={"item": object()})
    assert manager.requests == []


@pytest.mark.parametrize("timeout_s", [0, -1, True, "2", float("nan"), float("inf")])
async def test_a_timeout_that_is_none_is_refused(connect, timeout_s):
    with pytest.raises(ParameterError, match="timeout_s"):
        await connect()("send_request", method="ping", timeout_s=timeout_s)
    with pytest.raises(ParameterError, match="timeout_s"):
        connect(timeout_s=timeout_s)


async def test_an_unknown_encoding_is_refused(connect):
    with pytest.raises(ParameterError, match="encoding"):
        connect(encoding="xml")


async def test_an_address_that_cannot_be_used_is_an_error(face):
    client = face("tcp://127.0.0.1")
    with pytest.raises(CommunicationError, match="cannot be used"):
        await client("send_request", method="ping")
    await client("close")


async def test_a_closed_client_says_so_and_may_be_closed_again(connect):
    client = connect()
    await client("send_request", method="ping")
    await client("close")
    await client("close")
    with pytest.raises(CommunicationError, match="closed"):
        await client("send_request", method="ping")


async def test_leaving_the_block_closes_the_client(manager):
    from queue_server.client import RunControl
    from queue_server.client.asynchronous import RunControl as AsyncRunControl

    with RunControl(manager.control) as blocking:
        assert await asyncio.to_thread(blocking.send_request, method="ping") == {"msg": "here"}
    async with AsyncRunControl(manager.control) as awaiting:
        assert await awaiting.send_request(method="ping") == {"msg": "here"}
    with pytest.raises(CommunicationError, match="closed"):
        blocking.send_request(method="ping")
    with pytest.raises(CommunicationError, match="closed"):
        await awaiting.send_request(method="ping")


async def test_a_cancelled_request_leaves_the_client_usable(manager):
    from queue_server.client.asynchronous import RunControl

    arrived = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stay_silent(_):
        loop.call_soon_threadsafe(arrived.set)

    manager.answers["queue_get"] = stay_silent
    async with RunControl(manager.control, timeout_s=60) as client:
        task = asyncio.create_task(client.send_request(method="queue_get"))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await client.send_request(method="ping") == {"msg": "here"}
