"""The stream as its readers see it: snapshots, changes, numbers to resume from, and what slow readers are told."""

from __future__ import annotations

import pytest

from tests.doubles.stream_reader import EventLog, reading

QUEUE = {"success": True, "msg": "", "items": [{"item_uid": "a"}], "running_item": {}, "plan_queue_uid": "q1"}


@pytest.fixture
async def log(manager, client):
    """The event log of the manager, which has three events already."""
    await manager.await_subscriber()
    log = EventLog(manager)
    for _ in range(3):
        await log.add("queue_item_add", lost=True)
    manager.answers["queue_get"] = QUEUE
    return log


async def test_a_topic_begins_with_a_snapshot_and_goes_on_with_changes(client, log):
    async with reading(client) as reader:
        [snapshot] = await reader.subscribe("queue")
        assert (snapshot["seq"], snapshot["snapshot"]) == (3, True)
        assert snapshot["data"] == {"items": [{"item_uid": "a"}], "running_item": {}, "plan_queue_uid": "q1"}
        await log.add("queue_item_remove", item_uid="a")
        change = await reader.next()
        assert (change["topic"], change["seq"], change["data"]["kind"]) == ("queue", 4, "queue_item_remove")
        assert "snapshot" not in change


async def test_the_newest_status_comes_at_once_and_each_change_after_it(client, manager):
    await manager.await_subscriber()
    async with reading(client) as reader:
        [snapshot] = await reader.subscribe("status")
        assert snapshot["data"] == manager.status
        await manager.publish_status(manager_state="paused")
        change = await reader.next()
        assert (change["seq"], change["data"]["manager_state"]) == (2, "paused")


async def test_many_statuses_at_once_are_one_frame_with_the_newest(client, manager):
    await manager.await_subscriber()
    async with reading(client) as reader:
        await reader.subscribe({"topic": "status", "hz": 2})
        for number in range(20):
            await manager.publish_status(items_in_queue=number)
        assert (await reader.next())["data"]["items_in_queue"] == 19


async def test_an_event_appears_in_every_topic_that_it_concerns(client, log):
    async with reading(client) as reader:
        await reader.subscribe("queue", "history", "events")
        await log.add("item_finished", outcome="completed")
        frames = [await reader.next() for _ in range(3)]
        assert sorted(frame["topic"] for frame in frames) == ["events", "history", "queue"]
        assert {frame["seq"] for frame in frames} == {4}


async def test_events_that_the_publisher_dropped_are_fetched_and_keep_their_order(client, log):
    async with reading(client) as reader:
        await reader.subscribe("events")
        await log.add("first", lost=True)
        await log.add("second", lost=True)
        await log.add("third")
        assert [(await reader.next())["seq"] for _ in range(3)] == [4, 5, 6]


async def test_a_reader_resumes_after_the_last_number_that_it_knows(client, log):
    async with reading(client) as reader:
        await reader.say(op="sub", topics=["events"], since={"events": 1})
        frames = [await reader.next(), await reader.next()]
        assert [frame["seq"] for frame in frames] == [2, 3]
        assert frames[0]["data"]["user"] == "anna"
        await log.add("next")
        assert (await reader.next())["seq"] == 4


async def test_a_number_of_the_future_gives_a_snapshot(client, log):
    async with reading(client) as reader:
        [frame] = await reader.subscribe("events", since={"events": 99})
        assert (frame["snapshot"], frame["data"]) == (True, {"last_seq": 3})


async def test_too_much_to_resume_gives_a_snapshot(client, log):
    log.events.extend(dict(log.events[0], seq=number) for number in range(4, 1500))
    async with reading(client) as reader:
        [frame] = await reader.subscribe("events", since={"events": 1})
        assert (frame["snapshot"], frame["seq"]) == (True, 1499)


async def test_console_output_comes_in_batches_and_can_be_resumed(client, manager):
    await manager.await_subscriber()
    async with reading(client) as reader:
        await reader.say(op="sub", topics=["console"])
        await reader.settle()
        for number in range(3):
            await manager.publish("QS_Console", {"time": 10.0 + number, "msg": f"line {number}\n"})
        chunks = []
        while len(chunks) < 3:
            chunks += (await reader.next())["data"]["chunks"]
        assert [chunk["text"] for chunk in chunks] == ["line 0\n", "line 1\n", "line 2\n"]
    async with reading(client) as reader:
        [missed] = await reader.subscribe("console", since={"console": chunks[1]["seq"]})
        assert [chunk["text"] for chunk in missed["data"]["chunks"]] == ["line 2\n"]
        [snapshot] = await reader.subscribe("console")
        assert snapshot["snapshot"]
        assert len(snapshot["data"]["chunks"]) == 3


async def test_progress_keeps_the_newest_value_of_each_lane(client, manager):
    await manager.await_subscriber()
    async with reading(client) as reader:
        await reader.say(op="sub", topics=["progress"])
        await reader.settle()
        for points in range(1, 6):
            await manager.publish("cuelight.progress", {"time": 1.0, "lane": "default", "points": points, "total": 5})
        while (frame := await reader.next())["data"]["points"] < 5:
            pass
        assert frame["data"]["total"] == 5
    async with reading(client) as reader:
        assert (await reader.subscribe("progress"))[0]["data"]["points"] == 5


async def test_a_lock_is_shown_when_it_changes(client, manager, log):
    manager.answers["lock_info"] = {"success": True, "lock_info": {"queue": False}, "lock_info_uid": "1"}
    async with reading(client) as reader:
        [before] = await reader.subscribe("lock")
        manager.answers["lock_info"] = {"success": True, "lock_info": {"queue": True}, "lock_info_uid": "2"}
        await log.add("lock")
        after = await reader.next()
        assert (before["data"]["lock_info"], after["data"]["lock_info"]) == ({"queue": False}, {"queue": True})
        assert after["seq"] == 4


async def test_the_heart_beats_also_while_the_manager_is_silent(client, manager):
    manager.answers["status"] = None
    async with reading(client) as reader:
        await reader.say(op="sub", topics=["hb"])
        first, second = await reader.next(), await reader.next()
        assert second["seq"] > first["seq"]
        assert second["data"]["silent_s"] > 0


async def test_another_store_behind_the_manager_makes_readers_read_anew(client, log):
    async with reading(client) as reader:
        await reader.subscribe("queue", "events")
        await log.add("queue_clear")
        assert {(await reader.next())["topic"] for _ in range(2)} == {"queue", "events"}
        log.events.clear()
        await log.add("queue_clear")
        told = [await reader.next(), await reader.next()]
        assert {(frame["op"], frame["topic"]) for frame in told} == {("resync", "queue"), ("resync", "events")}


async def test_a_topic_whose_beginning_the_manager_does_not_give_is_an_error_frame(client, manager, log):
    manager.answers["queue_get"] = {"success": False, "msg": "not now", "error": {"code": "busy", "details": {}}}
    async with reading(client) as reader:
        [error] = await reader.subscribe("queue")
        assert (error["op"], error["topic"], error["detail"]) == ("error", "queue", "not now")
        await log.add("queue_clear")
        assert await reader.settle() == []


async def test_a_topic_can_be_left(client, log):
    async with reading(client) as reader:
        await reader.subscribe("queue", "events")
        await reader.say(op="unsub", topics=["queue"])
        await reader.settle()
        await log.add("queue_clear")
        assert (await reader.next())["topic"] == "events"
        assert await reader.settle() == []


async def test_opening_and_closing_a_stream_changes_nothing(client, manager, log):
    async with reading(client) as reader:
        await reader.subscribe("queue", "history", "status", "lock", "events", "hb")
    assert set(manager.asked) <= {"status", "events_get", "queue_get", "history_get", "lock_info"}


async def test_alarms_begin_with_the_newest_ones_and_go_on_with_each(client, log):
    await log.add("item_finished", lost=True, outcome="failed")
    async with reading(client) as reader:
        [snapshot] = await reader.subscribe("alarms")
        assert (snapshot["seq"], snapshot["snapshot"]) == (4, True)
        assert [alarm["alarm"] for alarm in snapshot["data"]["alarms"]] == ["item_failed"]
        await log.add("item_finished", outcome="completed")
        await log.add("worker_exited", cause="killed by signal 9")
        change = await reader.next()
        assert (change["topic"], change["seq"], change["data"]["alarm"]) == ("alarms", 6, "worker_exited")
        assert change["data"]["event"]["kind"] == "worker_exited"


async def test_a_reader_of_alarms_resumes_after_the_last_number_that_it_knows(client, log):
    await log.add("item_finished", lost=True, outcome="unknown")
    await log.add("something", lost=True)
    async with reading(client) as reader:
        await reader.say(op="sub", topics=["alarms"], since={"alarms": 2})
        frame = await reader.next()
        assert (frame["seq"], frame["data"]["alarm"]) == (4, "item_unknown")
        assert "snapshot" not in frame
