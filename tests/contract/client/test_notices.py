"""What both forms of RunControl promise about the information stream."""

from __future__ import annotations

import pytest

from queue_server.client import CommunicationError, ParameterError, RequestTimeoutError
from queue_server.client.notices import CONSOLE_TOPIC, EVENT_TOPIC, PROGRESS_TOPIC, STATUS_TOPIC, TOPICS, Notice


def status_payload(state, time=5.0):
    return {"time": time, "msg": {"status": {"manager_state": state}}}


@pytest.fixture
def publishing(manager):
    """Let the answer to ``ping`` wait for subscribers, then send notices."""

    def install(*notices, topics=1):
        def publish_then_answer(_):
            for _ in range(topics):
                manager.await_subscriber()
            for notice in notices:
                if isinstance(notice, Notice):
                    manager.publish(*notice)
                else:
                    manager.publish_frames(*notice)
            return {"msg": "here"}

        manager.answers["ping"] = publish_then_answer

    return install


async def test_notices_arrive_with_topic_and_payload(connect, publishing):
    sent = [Notice(STATUS_TOPIC, status_payload("idle")), Notice(PROGRESS_TOPIC, {"time": 6.0, "points": 3})]
    publishing(*sent, topics=len(TOPICS))
    client = connect()
    notices = await client("notices")
    await client("send_request", method="ping")
    assert [await client.receive(notices) for _ in sent] == sent
    await client.end(notices)


async def test_only_subscribed_topics_arrive(connect, publishing):
    publishing(Notice(STATUS_TOPIC, status_payload("idle")), Notice(EVENT_TOPIC, {"seq": 7}))
    client = connect()
    notices = await client("notices", [EVENT_TOPIC])
    await client("send_request", method="ping")
    assert await client.first(notices, "", 1) == [Notice(EVENT_TOPIC, {"seq": 7})]
    await client.end(notices)


async def test_what_is_no_notice_is_passed_over(connect, publishing):
    good = Notice(EVENT_TOPIC, {"seq": 7})
    topic = EVENT_TOPIC.encode()
    publishing((topic,), (topic, b"{}", b"more"), (topic, b"not a map"), (topic + b"\xff", b"{}"), good)
    client = connect()
    notices = await client("notices", [EVENT_TOPIC])
    await client("send_request", method="ping")
    assert await client.receive(notices) == good
    await client.end(notices)


async def test_statuses_and_console_output_can_be_read_alone(connect, publishing):
    publishing(
        Notice(CONSOLE_TOPIC, {"time": 1.0, "msg": "one\n"}),
        Notice(STATUS_TOPIC, status_payload("executing_queue")),
        Notice(CONSOLE_TOPIC, {"time": 2.0, "msg": "two\n"}),
        Notice(STATUS_TOPIC, status_payload("idle")),
        topics=2,
    )
    client = connect()
    console, statuses = await client("notices", [CONSOLE_TOPIC]), await client("notices", [STATUS_TOPIC])
    await client("send_request", method="ping")
    assert await client.first(console, "console", 2) == ["one\n", "two\n"]
    states = [status["manager_state"] for status in await client.first(statuses, "statuses", 2)]
    assert states == ["executing_queue", "idle"]
    await client.end(console)
    await client.end(statuses)


async def test_nothing_within_the_time_is_none(connect):
    client = connect()
    notices = await client("notices")
    assert await client.receive(notices, timeout_s=0.01) is None
    assert await client.receive(notices, timeout_s=0) is None
    await client.end(notices)


@pytest.mark.parametrize("topics", [[], "QS_Info"])
async def test_topics_that_are_no_list_of_topics_are_refused(connect, topics):
    with pytest.raises(ParameterError, match="topics"):
        await connect()("notices", topics)


async def test_the_manager_tells_where_it_publishes(face, manager, publishing):
    publishing(Notice(EVENT_TOPIC, {"seq": 7}))
    manager.answers["config_get"] = lambda _: {"success": True, "msg": "", "config": {"info": manager.info}}
    client = face(manager.control, timeout_s=60)
    notices = await client("notices", [EVENT_TOPIC])
    await client("send_request", method="ping")
    assert (await client.receive(notices)).payload == {"seq": 7}
    await client.end(notices)
    await client("close")


async def test_a_manager_that_does_not_tell_is_an_error_with_the_fix(face, manager):
    manager.answers["config_get"] = lambda _: {"success": True, "msg": "", "config": {}}
    client = face(manager.control, timeout_s=60)
    with pytest.raises(CommunicationError, match="CUELIGHT_INFO"):
        await client("notices")
    await client("close")


async def test_a_status_that_fits_already_is_returned_at_once(manager, connect):
    manager.answers["status"] = lambda _: {"manager_state": "idle"}
    status = await connect()("wait_for_status", lambda status: status["manager_state"] == "idle", 5)
    assert status == {"manager_state": "idle"}


async def test_a_status_that_fits_later_is_taken_from_the_notices(manager, connect):
    def answer_then_change(_):
        manager.await_subscriber()
        manager.publish(STATUS_TOPIC, status_payload("executing_queue"))
        manager.publish(STATUS_TOPIC, status_payload("idle"))
        return {"manager_state": "starting_queue"}

    manager.answers["status"] = answer_then_change
    seen = []

    def is_idle(status):
        seen.append(status["manager_state"])
        return seen[-1] == "idle"

    assert (await connect()("wait_for_status", is_idle, 5))["manager_state"] == "idle"
    assert seen == ["starting_queue", "executing_queue", "idle"]
    assert [method for method, _ in manager.requests] == ["status"]


async def test_lost_notices_do_not_hide_a_state_that_was_reached(manager, connect):
    replies = iter(["executing_queue", "idle"])
    manager.answers["status"] = lambda _: {"manager_state": next(replies)}
    status = await connect()("wait_for_status", lambda status: status["manager_state"] == "idle", 0.05)
    assert status["manager_state"] == "idle"


async def test_a_state_that_is_not_reached_in_time_is_a_timeout_with_the_last_status(manager, connect):
    manager.answers["status"] = lambda _: {"manager_state": "paused"}
    with pytest.raises(RequestTimeoutError, match="paused") as caught:
        await connect()("wait_for_status", lambda status: status["manager_state"] == "idle", 0.05)
    assert caught.value.details["status"] == {"manager_state": "paused"}
