"""Exam tasks follow the items that do them."""

from __future__ import annotations

import pytest

from queue_server.protocol.worker_link import Execute, ItemAcknowledged, ItemFinished, Progress
from tests.doubles.bench import USER, Bench

SCAN = {"item_type": "acquisition", "name": "localizer", "kwargs": {"sequence_id": "7"}}
AXES = {"x": 1.0, "y": 1.0, "z": 1.0}
PARAMETER = {"fov_scaling": AXES, "fov_offset": AXES, "fov_rotation": AXES}


@pytest.fixture
async def scanner(store):
    """The worker of a scanner that is registered and away."""
    bench = await Bench.begin(store)
    yield bench.in_lane((await bench.do("device_create", name="MR 1", description="room 3"))["device_id"])
    await bench.end()


@pytest.fixture
async def task_id(scanner):
    """An exam task of a workflow."""
    exam = await scanner.do("exam_add", exam={"name": "visit", "patient_id": "3fa85f64-5717-4562-b3fc-2c963f66afa6"})
    workflow = await scanner.do("exam_workflow_add", workflow={"name": "brain", "exam_id": exam["exam"]["id"]})
    fields = {
        "workflow_id": workflow["workflow"]["id"],
        "name": "localizer",
        "task_type": "ACQUISITION",
        "sequence_id": "7",
        "acquisition_parameter": PARAMETER,
    }
    return (await scanner.do("exam_task_add", task=fields))["task"]["id"]


async def connect(scanner, number=1):
    """Let the scanner connect."""
    scanner.hello(incarnation=f"mr.{number}", re_state="ready")
    await scanner.settle()


async def add(scanner, **kwargs):
    """Add a scan; return its uid."""
    item = {**SCAN, "kwargs": {**SCAN["kwargs"], **kwargs}}
    return (await scanner.do("queue_item_add", item=item, **scanner.named, **USER))["item"]["item_uid"]


def tell_progress(scanner, percent):
    """Let the scanner say how far it is."""
    progress = Progress(attempt=scanner.key, points=percent, total=100)
    scanner.intake.hear_progress(scanner.lane_name, scanner.incarnation, progress)


async def seen(scanner, identity):
    """Return status, progress and item state of an exam task."""
    task = (await scanner.do("exam_task_get", task_id=identity))["task"]
    return task["status"], task["progress"], task["item_state"]


async def test_a_scan_that_names_no_exam_task_gets_one_of_its_own(scanner):
    uid = await add(scanner)
    task = (await scanner.do("exam_task_get", task_id=uid))["task"]
    assert (task["id"], task["item_uid"], task["workflow_id"]) == (uid, uid, None)
    assert (task["name"], task["device_id"], task["sequence_id"]) == ("localizer", scanner.lane_name, "7")
    assert (task["status"], task["progress"], task["item_state"]) == ("STARTED", 0, "queued")


async def test_an_exam_task_follows_its_item_to_the_end(scanner, task_id):
    uid = await add(scanner, task_id=task_id)
    assert await seen(scanner, task_id) == ("STARTED", 0, "queued")
    await connect(scanner)
    assert await seen(scanner, uid) == ("STARTED", 0, "dispatched")
    await scanner.report(ItemAcknowledged, attempt=scanner.key)
    assert await seen(scanner, uid) == ("STARTED", 0, "acknowledged")
    await scanner.finish()
    assert await seen(scanner, task_id) == ("FINISHED", 100, "done")


async def test_the_first_progress_begins_and_the_last_is_kept_by_what_fails(scanner, task_id):
    await add(scanner, task_id=task_id)
    await connect(scanner)
    tell_progress(scanner, 0)
    await scanner.settle()
    assert await seen(scanner, task_id) == ("INPROGRESS", 0, "running")
    before = (await scanner.do("exam_task_get", task_id=task_id))["task"]["version"]
    for percent in range(1, 61):
        tell_progress(scanner, percent)
    await scanner.settle()
    # Frames come often, and most of them are never written.
    assert (await scanner.do("exam_task_get", task_id=task_id))["task"]["version"] == before
    await scanner.finish("failed", message="the gradient is too hot")
    assert await seen(scanner, task_id) == ("ERROR", 60, "failed")


async def test_an_unknown_outcome_keeps_the_last_progress(scanner, task_id):
    await add(scanner, task_id=task_id)
    await connect(scanner)
    tell_progress(scanner, 10)
    tell_progress(scanner, 40)
    await connect(scanner, 2)
    assert await seen(scanner, task_id) == ("ERROR", 40, "unknown")


async def test_a_scanner_that_goes_away_leaves_the_last_progress(scanner, task_id):
    await add(scanner, task_id=task_id)
    await connect(scanner)
    tell_progress(scanner, 10)
    tell_progress(scanner, 70)
    await scanner.exit("the connection was lost")
    assert await seen(scanner, task_id) == ("ERROR", 70, "unknown")


async def test_a_scan_that_is_added_held_is_shown_so(scanner, task_id):
    item = {**SCAN, "kwargs": {**SCAN["kwargs"], "task_id": task_id}}
    added = (await scanner.do("queue_item_add", item=item, held=True, **scanner.named, **USER))["item"]
    assert (added["state"], "release it" in added["hold_reason"]) == ("held", True)
    assert await seen(scanner, task_id) == ("STARTED", 0, "held")


@pytest.mark.parametrize("outcome", ["failed", "aborted"])
async def test_what_went_wrong_is_told_with_the_exam_task(scanner, task_id, outcome):
    await add(scanner, task_id=task_id)
    await connect(scanner)
    await scanner.finish(outcome, message="the gradient is too hot")
    task = (await scanner.do("exam_task_get", task_id=task_id))["task"]
    assert (task["status"], task["item_state"], task["error_message"]) == ("ERROR", "failed", "the gradient is too hot")


async def test_an_exam_task_whose_outcome_is_unknown_says_so_until_it_is_resolved(scanner, task_id):
    uid = await add(scanner, task_id=task_id)
    await connect(scanner)
    key = scanner.key
    await connect(scanner, 2)
    task = (await scanner.do("exam_task_get", task_id=task_id))["task"]
    assert (task["status"], task["item_state"], task["item_uid"]) == ("ERROR", "unknown", uid)
    assert "unknown" in task["error_message"]
    await scanner.report(ItemFinished, attempt=key, outcome="completed", time_start=1.0, time_stop=2.0)
    assert await seen(scanner, task_id) == ("FINISHED", 100, "done")


async def test_a_copy_takes_the_exam_task_over_when_it_begins(scanner, task_id):
    uid = await add(scanner, task_id=task_id)
    await connect(scanner)
    await scanner.finish("failed")
    [copy] = await scanner.uids()
    assert await seen(scanner, task_id) == ("ERROR", 0, "failed")
    await scanner.do("queue_item_release", uid=copy, **scanner.named)
    assert [order.attempt.item_uid for order in scanner.sent(Execute)] == [uid, copy]
    assert await seen(scanner, copy) == ("STARTED", 0, "dispatched")


@pytest.mark.parametrize("how", ["one", "batch", "all"])
async def test_a_scan_that_is_taken_out_of_the_queue_is_cancelled(scanner, task_id, how):
    uid = await add(scanner, task_id=task_id)
    if how == "one":
        await scanner.do("queue_item_remove", uid=uid, **scanner.named)
    elif how == "batch":
        await scanner.do("queue_item_remove_batch", uids=[uid], **scanner.named)
    else:
        await scanner.do("queue_clear", **scanner.named)
    assert await seen(scanner, task_id) == ("ERROR", 0, "cancelled")


async def test_an_exam_task_is_done_by_one_item_at_a_time(scanner, task_id):
    await add(scanner, task_id=task_id)
    item = {**SCAN, "kwargs": {**SCAN["kwargs"], "task_id": task_id}}
    reply = await scanner.refuse("queue_item_add", item=item, **scanner.named, **USER)
    assert "under way already" in reply["msg"]


async def test_an_exam_task_that_is_not_there_is_refused_by_its_field(scanner):
    missing = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
    item = {**SCAN, "kwargs": {**SCAN["kwargs"], "task_id": missing}}
    reply = await scanner.refuse("queue_item_add", item=item, **scanner.named, **USER)
    assert "item.kwargs.task_id" in reply["msg"]


async def test_a_result_is_added_by_the_uid_of_the_item(scanner):
    uid = await add(scanner)
    result = (await scanner.do("exam_result_add", task_id=uid, result={"type": "MRD", "files": ["a.mrd"]}))["result"]
    assert result["task_id"] == uid
