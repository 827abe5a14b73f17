"""Single devices: read beside everything, set and stopped where nothing else has them, and who did it is in the log."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from queue_server.core.events import EstopRequested
from queue_server.core.model import SharedDevice
from queue_server.protocol.device_link import DeviceReading, ReadDevice
from queue_server.protocol.items import Origin
from queue_server.protocol.worker_link import Execute, RunTask, TaskFinished
from tests.doubles.bench import USER

GROUP = {"user_group": "primary"}
TOLD = {"det1": {"value": 5, "timestamp": 1.0, "units": "mm"}}


async def asked(bench):
    """Return the question that has left for the worker, once it has."""
    async with asyncio.timeout(60):
        while not bench.sent(ReadDevice):
            await bench.settle()
    return bench.sent(ReadDevice)[-1]


def answer(bench, question, **more):
    reading = DeviceReading(epoch=question.epoch, question=question.number, **more)
    bench.intake.hear_reading("default", bench.incarnation, reading)


def read(bench, **params):
    return asyncio.create_task(bench.ask("device_read", **{"name": "det1", **GROUP, **params}))


async def end(bench, uid, *, success=True):
    now = bench.clock.wall()
    await bench.report(TaskFinished, task_uid=uid, success=success, time_start=now, time_stop=now)


async def share(bench, *devices):
    """Let lanes share devices, as the settings say it."""

    def change(turn):
        turn.state = replace(turn.state, shared=devices)

    await bench.engine.post(change)


@pytest.fixture
async def opened(bench):
    await bench.open()
    return bench


async def test_a_device_is_read_while_a_plan_runs(executing):
    reply = read(executing, within_s=2.0)
    question = await asked(executing)
    assert (question.device, question.timeout_s, question.epoch) == ("det1", 2.0, executing.engine.state.epoch)
    answer(executing, question, readings=TOLD)
    assert await reply == {"success": True, "msg": "", "lane": "default", "name": "det1", "readings": TOLD}


async def test_a_late_or_strange_answer_changes_nothing(opened):
    reply = read(opened)
    question = await asked(opened)
    for other in (question.model_copy(update={"number": 99}), question.model_copy(update={"epoch": 0})):
        answer(opened, other, readings={})
    assert not reply.done()
    answer(opened, question, message="'det1' was not read: it is switched off")
    answer(opened, question, readings=TOLD)
    told = await reply
    assert (told["success"], told["error"]["code"]) == (False, "wrong_state")
    assert "it is switched off" in told["msg"]


async def test_whoever_waits_for_a_device_holds_up_nobody(opened):
    reply = read(opened)
    question = await asked(opened)
    await opened.do("queue_get")
    assert not reply.done()
    answer(opened, question, readings=TOLD)
    assert (await reply)["readings"] == TOLD


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"name": "det2"}, "There is no device 'det2' in the lane 'default'"),
        ({"name": "det1", "lane": "other"}, "There is no lane 'other'"),
        ({"name": "det1", "user_group": None}, "user group is not specified"),
        ({"name": "det1", "within_s": 31.0}, "within_s"),
    ],
)
async def test_what_cannot_be_read_is_refused_with_the_reason(opened, params, text):
    reply = await opened.refuse("device_read", **{**GROUP, **params})
    assert text in reply["msg"]
    assert opened.sent(ReadDevice) == []


async def test_without_an_environment_nothing_is_read_or_set(bench):
    for method, more in (("device_read", GROUP), ("device_set", {"value": 1, **USER}), ("device_stop", USER)):
        assert "environment does not exist" in (await bench.refuse(method, name="det1", **more))["msg"]


async def test_where_a_device_is_can_be_asked_also_while_the_environment_is_closed(bench):
    assert (await bench.do("device_locate", name="det1", **GROUP))["is_open"] is False
    await bench.open()
    told = await bench.do("device_locate", name="det1", **GROUP)
    assert (told["lane"], told["name"], told["is_open"]) == ("default", "det1", True)
    assert bench.sent(ReadDevice) == []


@pytest.mark.parametrize(("params", "text"), [({"name": "det2", **GROUP}, "'det2'"), ({"name": "det1"}, "user group")])
async def test_a_device_that_may_not_be_used_is_nowhere(opened, params, text):
    assert text in (await opened.refuse("device_locate", **params))["msg"]


async def test_a_device_that_is_set_is_a_task_and_in_the_log_with_who_did_it(opened):
    reply = await opened.do("device_set", name="det1", value=2.5, within_s=60.0, **USER)
    (order,) = opened.sent(RunTask)
    assert (order.task, order.in_background, order.task_uid) == ("device_set", True, reply["task_uid"])
    assert order.content == {"device": "det1", "value": 2.5, "within_s": 60.0}
    assert (reply["lane"], reply["name"], reply["claim"]) == ("default", "det1", "default/det1")
    await end(opened, reply["task_uid"], success=False)
    result = await opened.do("task_result", task_uid=reply["task_uid"])
    assert (result["status"], result["result"]["success"]) == ("completed", False)
    events = (await opened.do("events_get"))["events"]
    (begun,) = [event for event in events if event["kind"] == "device_set"]
    data = begun["data"]
    assert (data["task_uid"], data["by"], data["value"]) == (reply["task_uid"], "jdoe", 2.5)
    assert [event["kind"] for event in events][-1] == "task_finished"


async def test_a_device_that_an_item_claims_is_neither_set_nor_stopped(executing):
    uid = executing.key.item_uid
    for method, more in (("device_set", {"value": 1}), ("device_stop", {})):
        reply = await executing.refuse(method, name="det1", **more, **USER)
        assert f"the item {uid} of the lane 'default' claims 'default/det1'" in reply["msg"]
        assert "estop" in reply["msg"]
        assert reply["error"]["details"]["claimed_by"] == [
            {"claim": "default/det1", "lane": "default", "item_uid": uid}
        ]
    assert executing.sent(RunTask) == []


async def test_an_item_with_other_claims_runs_beside_a_task_that_moves_a_device(opened):
    await opened.add("count", claims=["robot"])
    await opened.do("queue_start")
    assert opened.sent(Execute)[-1].claims == ("robot",)
    moving = await opened.do("device_set", name="det1", value=1, **USER)
    reply = await opened.refuse("device_set", name="det1", value=2, **USER)
    assert f"the task {moving['task_uid']} of the lane 'default' claims" in reply["msg"]
    assert "device_stop" in reply["msg"]
    await opened.do("device_stop", name="det1", **USER)
    assert [order.task for order in opened.sent(RunTask)] == ["device_set", "device_stop"]


async def test_an_item_waits_for_what_a_task_moves_and_begins_with_its_end(opened):
    moving = await opened.do("device_set", name="det1", value=1, **USER)
    (uid,) = await opened.add("count")
    await opened.do("queue_start")
    lane = opened.status["lanes"][0]
    assert (lane["manager_state"], lane["waiting_item_uid"]) == ("starting_queue", uid)
    holder = {"claim": "default/det1", "lane": "default", "item_uid": "", "task_uid": moving["task_uid"]}
    assert lane["claimed_by"] == [holder]
    assert lane["waiting_for"].startswith(f"'default/det1', which the task {moving['task_uid']}")
    assert opened.sent(Execute) == []
    await end(opened, moving["task_uid"])
    assert opened.key.item_uid == uid
    assert opened.sent(Execute)[-1].claims is None


async def test_an_environment_is_not_closed_around_a_device_that_moves(opened):
    moving = await opened.do("device_set", name="det1", value=1, **USER)
    reply = await opened.refuse("environment_close")
    assert f"The task {moving['task_uid']} moves the device 'default/det1'" in reply["msg"]
    await end(opened, moving["task_uid"])
    await opened.do("environment_close")


async def test_a_lane_that_is_stopped_by_an_emergency_stop_sets_nothing(opened):
    opened.engine.command(EstopRequested("default", "ada", "smoke", opened.clock.wall()), Origin())
    await opened.settle()
    reply = await opened.refuse("device_set", name="det1", value=1, **USER)
    assert "estop_reset" in reply["msg"]


async def test_a_restarted_manager_knows_what_a_task_moves(opened, make_bench, store):
    moving = await opened.do("device_set", name="det1", value=1, **USER)
    await opened.end()
    again = await make_bench(store)
    (task,) = again.lane.tasks
    assert (task.uid, task.kind, task.device) == (moving["task_uid"], "device_set", "default/det1")
    assert "claims 'default/det1'" in (await again.refuse("device_set", name="det1", value=2, **USER))["msg"]


@pytest.mark.parametrize("value", ["x" * 70_000, [1] * 70_000])
async def test_a_value_that_is_too_large_is_refused(opened, value):
    reply = await opened.refuse("device_set", name="det1", value=value, **USER)
    assert (reply["error"]["code"], reply["error"]["details"]["field"]) == ("invalid_parameter", "value")


async def test_a_shared_device_is_found_by_its_name_in_the_facility(opened):
    await share(opened, SharedDevice("shutter", (("default", "det1"),)))
    reply = await opened.do("device_set", name="shutter", value=1, **USER)
    assert (reply["lane"], reply["name"], reply["claim"]) == ("default", "det1", "shutter")
    reply = await opened.refuse("device_set", name="default/det1", value=1, **USER)
    assert "claims 'shutter'" in reply["msg"]
