"""Readers follow devices on the stream: at first what is known, then what changes, through the life of environments."""

from __future__ import annotations

import asyncio

import pytest
import zmq
import zmq.asyncio

from queue_server.protocol.device_values import (
    MOST_WATCHED,
    DeviceValues,
    pack_values,
    read_asking_topic,
    read_values_topic,
)
from tests.doubles.gateway import PATIENCE_S, running_gateway
from tests.doubles.stream_reader import reading

OPEN, CLOSED = ({"lane": "default", "worker_environment_exists": there} for there in (True, False))


class Worker:
    """Tells values as a worker does, and what is followed; ``devices`` are those that the group may use."""

    def __init__(self, manager):
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.XPUB)
        address = f"tcp://127.0.0.1:{self._socket.bind_to_random_port('tcp://127.0.0.1')}"
        self.devices = {"m": {}, "det": {}}
        self.incarnation = "w-1"
        self._numbers = {}
        self.manager = manager
        manager.status["lanes"] = [OPEN]
        manager.answers["config_get"] = {"success": True, "config": {"documents": address}}
        manager.answers["device_locate"] = self._locate
        manager.answers["devices_page"] = self._page

    def _locate(self, params):
        lane, slash, name = params["name"].partition("/")
        lane, name = (lane, name) if slash else ("default", lane)
        if name in self.devices:
            return {"success": True, "lane": lane, "name": name, "is_open": True}
        error = {"code": "not_found", "details": {}}
        return {"success": False, "msg": f"There is no device {name!r}", "error": error}

    def _page(self, params):
        return {"success": True, "devices": self.devices, "total": len(self.devices)}

    async def hear(self):
        """Return what comes next: whether somebody begins or ends to follow a device, or asks for its values."""
        async with asyncio.timeout(PATIENCE_S):
            message = await self._socket.recv()
        topic = message[1:]
        for lane in ("default", "b"):
            if (device := read_values_topic(topic, lane)) is not None:
                return ("begin" if message[:1] == b"\1" else "end"), device
            if (device := read_asking_topic(topic, lane)) is not None and message[:1] == b"\1":
                return "ask", device
        return await self.hear()

    async def followed(self, *devices):
        """Wait until these devices are followed, and asked for."""
        waited = {(what, device) for device in devices for what in ("begin", "ask")}
        while waited:
            waited.discard(await self.hear())

    async def tell(self, device="m", value=1, *, lane="default", **more):
        """Tell the values of a device."""
        number = self._numbers[device] = self._numbers.get(device, 0) + 1
        readings = {device: {"value": value, "timestamp": 2.0, "units": "mm"}}
        values = DeviceValues(lane, device, self.incarnation, number, 1.5, readings, **more)
        await self._socket.send_multipart(pack_values(values))

    def close(self):
        self._context.destroy(0)


@pytest.fixture
async def worker(manager):
    worker = Worker(manager)
    yield worker
    worker.close()


def value_in(frame, device="m"):
    return frame["data"]["readings"][device]["value"]


async def value_that_is(reader, value):
    """Return the frame with which a device has a value; older ones are passed over."""
    while (frame := await reader.next())["data"]["readings"].get("m", {}).get("value") != value:
        pass
    return frame


async def test_the_first_values_are_a_snapshot_and_changes_follow(client, worker):
    async with reading(client) as reader:
        await reader.say(op="sub", topics=["devices:m"])
        await worker.followed("m")
        await worker.tell(value=1, is_moving=True, note="a note")
        frame = await reader.next()
        assert (frame["topic"], frame["seq"], frame["time"], frame["snapshot"]) == ("devices:m", 1, 1.5, True)
        assert frame["data"] == {
            "lane": "default",
            "name": "m",
            "state": "open",
            "readings": {"m": {"value": 1, "timestamp": 2.0, "units": "mm"}},
            "is_moving": True,
            "note": "a note",
        }
        await worker.tell(value=2)
        frame = await reader.next()
        assert (value_in(frame), "snapshot" in frame) == (2, False)


async def test_readers_share_one_subscription_and_a_later_one_gets_the_newest_at_once(client, worker):
    async with reading(client) as first:
        await first.say(op="sub", topics=["devices:m"])
        await worker.followed("m")
        await worker.tell(value=5)
        assert value_in(await first.next()) == 5
        async with reading(client) as second:
            [frame] = await second.subscribe("devices:m")
            assert (value_in(frame), frame["snapshot"]) == (5, True)
        await worker.tell(value=6)
        assert value_in(await first.next()) == 6
        await first.say(op="unsub", topics=["devices:m"])
        assert await worker.hear() == ("end", "m")


async def test_a_slow_rate_leaves_out_what_was_replaced(client, worker):
    async with reading(client) as reader, reading(client) as quick:
        await reader.say(op="sub", topics=[{"topic": "devices:m", "hz": 0.1}])
        await worker.followed("m")
        await quick.say(op="sub", topics=["devices:m"])
        await worker.tell(value=1)
        assert value_in(await reader.next()) == 1
        await worker.tell(value=2)
        await value_that_is(quick, 2)
        assert await reader.settle() == []


async def test_server_sent_events_have_devices_too(client, worker):
    async with client.stream("GET", "/v1/stream?topics=devices:m") as answer:
        await worker.followed("m")
        await worker.tell(value=4)
        async with asyncio.timeout(PATIENCE_S):
            lines = answer.aiter_lines()
            assert await anext(lines) == "event: devices:m"
            assert '"value":4' in await anext(lines)


async def test_a_device_that_is_unknown_or_not_allowed_is_refused_by_name(client, worker):
    async with reading(client) as reader:
        [frame] = await reader.subscribe("devices:none")
        assert (frame["op"], frame["topic"], frame["status"]) == ("error", "devices:none", 404)
        assert "'none'" in frame["detail"]
    asked = [request for request in worker.manager.requests if request["method"] == "device_locate"]
    assert asked[-1]["params"] == {"name": "none", "user_group": "primary"}


async def test_devices_of_other_lanes_are_named_with_their_lane(client, worker):
    worker.manager.status["lanes"] = [OPEN, {**OPEN, "lane": "b"}]
    async with reading(client) as reader:
        await reader.say(op="sub", topics=["devices:b/m"])
        await worker.followed("m")
        await worker.tell(lane="b")
        frame = await reader.next()
        assert (frame["topic"], frame["data"]["lane"], frame["data"]["name"]) == ("devices:b/m", "b", "m")


async def test_all_devices_are_told_under_their_own_topics(client, worker):
    worker.devices["hidden"] = {"excluded": True}
    async with reading(client) as reader:
        [listed] = await reader.subscribe("devices:*")
        assert (listed["topic"], listed["snapshot"], listed["data"]) == ("devices:*", True, {"devices": ["det", "m"]})
        await worker.followed("m", "det")
        await worker.tell("m", 1)
        await worker.tell("det", 2)
        frames = [await reader.next(), await reader.next()]
        assert {frame["topic"]: value_in(frame, frame["data"]["name"]) for frame in frames} == {
            "devices:m": 1,
            "devices:det": 2,
        }
        assert all(frame["snapshot"] for frame in frames)
        await reader.say(op="unsub", topics=["devices:*"])
        assert {await worker.hear(), await worker.hear()} == {("end", "m"), ("end", "det")}


async def test_more_devices_than_are_followed_are_refused_with_their_number(client, worker):
    worker.devices = {f"m{number}": {} for number in range(MOST_WATCHED + 1)}
    async with reading(client) as reader:
        [frame] = await reader.subscribe("devices:*")
        assert f"{MOST_WATCHED + 1} devices" in frame["detail"]


async def test_a_closed_environment_is_told_and_the_subscription_goes_on_when_it_is_open_again(client, worker):
    async with reading(client) as reader:
        await reader.say(op="sub", topics=["devices:m"])
        await worker.followed("m")
        await worker.tell(value=1)
        assert value_in(await reader.next()) == 1
        await worker.manager.publish_status(lanes=[CLOSED])
        frame = await reader.next()
        assert (frame["data"]["state"], frame["data"]["readings"]) == ("closed", {})
        await worker.tell(value=99)
        await worker.manager.publish_status(lanes=[OPEN])
        assert await worker.hear() == ("ask", "m")
        worker.incarnation = "w-2"
        await worker.tell(value=2)
        assert value_in(await reader.next()) == 2


async def test_who_follows_every_device_learns_which_there_are_as_environments_come_and_go(client, worker):
    worker.manager.status["lanes"] = [CLOSED]
    async with reading(client) as reader:
        [listed] = await reader.subscribe("devices:*")
        assert listed["data"] == {"devices": []}
        await worker.manager.publish_status(lanes=[OPEN])
        assert (await reader.next())["data"] == {"devices": ["det", "m"]}
        await worker.followed("m", "det")
        await worker.tell("m", 1)
        assert value_in(await reader.next()) == 1


async def test_who_subscribes_while_the_environment_is_closed_is_told(client, worker):
    worker.manager.status["lanes"] = [CLOSED]
    async with reading(client) as reader:
        [frame] = await reader.subscribe("devices:m")
        assert (frame["data"]["state"], frame["snapshot"]) == ("closed", True)
        await worker.manager.publish_status(lanes=[OPEN])
        await worker.followed("m")
        await worker.tell(value=3)
        assert value_in(await reader.next()) == 3


async def test_a_manager_that_was_away_for_a_moment_costs_no_values(client, worker):
    async with reading(client) as reader:
        await reader.say(op="sub", topics=["devices:m"])
        await worker.followed("m")
        await worker.tell(value=1)
        await reader.next()
        await worker.manager.publish_status(lanes=[CLOSED], epoch=2)
        assert (await reader.next())["data"]["state"] == "closed"
        await worker.manager.publish_status(lanes=[OPEN])
        assert await worker.hear() == ("ask", "m")
        await worker.tell(value=2)
        assert value_in(await reader.next()) == 2


async def test_devices_that_come_with_a_new_list_are_followed_and_those_that_may_not_be_used_any_more_are_not(
    client, worker
):
    async with reading(client) as every, reading(client) as one:
        await every.say(op="sub", topics=["devices:*"])
        await worker.followed("m", "det")
        await one.say(op="sub", topics=["devices:det"])
        await worker.tell("det", 1)
        await one.next()
        assert (await every.next())["data"] == {"devices": ["det", "m"]}
        assert (await every.next())["topic"] == "devices:det"
        worker.devices = {"m": {}, "new": {}}
        await worker.manager.publish_status(devices_allowed_uid="other")
        heard = {await worker.hear() for _ in range(3)}
        assert heard == {("begin", "new"), ("ask", "new"), ("end", "det")}
        assert (await every.next())["data"] == {"devices": ["m", "new"]}
        frame = await one.next()
        assert (frame["op"], frame["topic"]) == ("error", "devices:det")
        worker.devices["det"] = {}
        await worker.manager.publish_status(devices_allowed_uid="third")
        await worker.followed("det")
        await worker.tell("det", 2)
        assert value_in(await one.next(), "det") == 2


async def test_a_worker_that_tells_nothing_is_reported(client, worker):
    async with reading(client) as reader:
        [frame] = await reader.subscribe("devices:m")
        assert (frame["data"]["state"], frame["data"]["readings"]) == ("waiting", {})
        assert "not told anything" in frame["data"]["note"]


async def test_whoever_subscribes_to_a_device_that_failed_has_it_tried_again(client, worker):
    async with reading(client) as first, reading(client) as second:
        await first.say(op="sub", topics=["devices:m"])
        await worker.followed("m")
        await worker.tell(error="it is off")
        assert (await first.next())["data"]["error"] == "it is off"
        await second.subscribe("devices:m")
        assert await worker.hear() == ("ask", "m")


async def test_devices_need_the_scope_of_reading_them(manager, worker, tmp_path):
    async with (
        running_gateway(manager, tmp_path, allow_anonymous=True) as client,
        reading(client, headers={}) as reader,
    ):
        [frame] = await reader.subscribe("devices:m")
        assert (frame["op"], frame["code"]) == ("error", "scope")
    assert "device_locate" not in manager.asked
