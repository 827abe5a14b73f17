"""What a scanner cannot do is refused in a form that the manager knows."""

from __future__ import annotations

from http_gateway.dialects.scanhub.lane_answers import answer_stop, option_of, refuse_order, refuse_task
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import Continue, EmergencyStop, Pause, RunTask, pack, read_from_worker
from tests.doubles.device_session import DEVICE, ITEM

KEY = AttemptKey(ITEM, ITEM, DEVICE, 1, 1)


def test_an_order_is_refused_by_its_name():
    for order, name in (
        (Pause(attempt=KEY, option="deferred"), "pause"),
        (Continue(attempt=KEY, option="abort"), "abort"),
    ):
        refusal = refuse_order(order, "no")
        assert (option_of(order), refusal.order, refusal.attempt, refusal.message) == (name, name, KEY, "no")
        assert read_from_worker(pack(refusal)) == refusal


def test_a_task_has_not_been_executed():
    task = RunTask(task_uid="t", task="function", in_background=False, content={})
    refusal = refuse_task(task, 5.0)
    assert (refusal.task_uid, refusal.success, refusal.time_start, refusal.time_stop) == ("t", False, 5.0, 5.0)


def test_an_emergency_stop_has_not_reached_the_scanner():
    report = answer_stop(EmergencyStop(number=3, reason="fire", devices_s=1, halt_after_s=1), DEVICE)
    assert (report.order, report.stopped, [note.device for note in report.not_reached]) == (3, (), [DEVICE])
