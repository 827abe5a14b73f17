"""Exam tasks that are triggered: scans and graphs in their lanes, and how graphs are followed to their files."""

from __future__ import annotations

import pytest

from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.records import Artifact, ManifestEntry
from queue_server.protocol.worker_link import (
    CatalogPage,
    EnvironmentOpened,
    Execute,
    ItemAcknowledged,
    Progress,
)
from tests.contract.exams.conftest import ExamBench
from tests.doubles.bench import USER

ARTIFACT = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
FILES = {"type": "array", "items": ARTIFACT}
GRAPHS = {
    "fft": {
        "dag_id": "fft",
        "description": "Transform.",
        "parameters": {
            "type": "object",
            "properties": {"kspace": ARTIFACT, "maps": FILES, "factor": {"type": "integer"}},
            "additionalProperties": False,
        },
        "inputs": {
            "kspace": {"kind": "array", "several": False, "required": False, "description": ""},
            "maps": {"kind": "array", "several": True, "required": False, "description": ""},
        },
    }
}
GONE = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
NAMES = ("image.npy", "image.png", "coils/0.npy", "coils/1.npy", "metrics.json", "manifest.json")
OUTPUTS = tuple(
    ManifestEntry(name=name, artifact=Artifact(id=f"{number}" * 64, size_bytes=number, created=1.0))
    for number, name in enumerate(NAMES)
)


@pytest.fixture
async def bench(store):
    """A manager with a lane of graphs."""
    bench = await ExamBench.begin(store, lanes=(DEFAULT_LANE, "compute"))
    bench.resources.graph_lanes = ("compute",)
    yield bench
    await bench.end()


@pytest.fixture
async def compute(bench):
    """The worker of the lane of graphs, whose environment is open."""
    compute = bench.in_lane("compute")
    await compute.do("environment_open", lane="compute")
    compute.hello(environment="loading")
    compute.tell(CatalogPage, catalog="dags", first=True, entries=GRAPHS)
    await compute.report(EnvironmentOpened)
    return compute


@pytest.fixture
async def scanner(bench):
    """A scanner that is registered and away."""
    return bench.in_lane((await bench.do("device_create", name="MR 1", description="room 3"))["device_id"])


@pytest.fixture
async def sequence_id(bench):
    """A sequence."""
    reply = await bench.do("exam_sequence_add", sequence={"name": "spin echo"}, seq_file="[VERSION]")
    return reply["sequence"]["id"]


@pytest.fixture
async def scan(bench, workflow, scanner, sequence_id):
    """An acquisition task for the scanner."""
    return await bench.add_scan(workflow, device_id=scanner.lane_name, sequence_id=sequence_id, calibration=["shims"])


async def trigger(bench, task, **more):
    """Trigger an exam task; return its item."""
    return (await bench.do("exam_task_trigger", task_id=task["id"], **more, **USER))["item"]


async def refused(bench, task_id, **more):
    """Return code and message of the refusal to trigger an exam task."""
    reply = await bench.refuse("exam_task_trigger", task_id=task_id, **more, **USER)
    return reply["error"]["code"], reply["msg"]


async def seen(bench, task):
    """Return status, progress and item state of an exam task."""
    found = (await bench.do("exam_task_get", task_id=task["id"]))["task"]
    return found["status"], found["progress"], found["item_state"]


async def run_graph(compute):
    """Let the lane of graphs execute what waits, and its worker begin."""
    await compute.do("queue_start", lane="compute")
    await compute.report(ItemAcknowledged, attempt=compute.key)


# --- scans ------------------------------------------------------------------------------------------------------------


async def test_a_scan_goes_into_the_lane_of_its_device_with_all_that_its_task_says(bench, scanner, scan, sequence_id):
    reply = await bench.do("exam_task_trigger", task_id=scan["id"], expected_uploads=2, **USER)
    item, kwargs = reply["item"], reply["item"]["kwargs"]
    assert (item["item_type"], item["name"], item["lane"], reply["qsize"]) == (
        "acquisition",
        "localizer",
        scanner.lane_name,
        1,
    )
    assert (kwargs["sequence_id"], kwargs["task_id"], kwargs["workflow_id"]) == (
        sequence_id,
        scan["id"],
        scan["workflow_id"],
    )
    assert (kwargs["calibration"], kwargs["expected_uploads"]) == (["shims"], 2)
    assert kwargs["acquisition_parameter"] == scan["acquisition_parameter"]
    assert (reply["task"]["item_uid"], reply["task"]["status"]) == (item["item_uid"], "STARTED")
    assert await scanner.uids() == [item["item_uid"]]


async def test_what_is_triggered_held_waits_for_its_release(bench, scanner, scan):
    item = await trigger(bench, scan, held=True)
    assert (item["state"], await seen(bench, scan)) == ("held", ("STARTED", 0, "held"))
    scanner.hello(incarnation="mr.1", re_state="ready")
    await scanner.settle()
    assert scanner.sent(Execute) == []
    await scanner.do("queue_item_release", uid=item["item_uid"], **scanner.named)
    assert [order.attempt.item_uid for order in scanner.sent(Execute)] == [item["item_uid"]]
    assert await seen(bench, scan) == ("STARTED", 0, "dispatched")


async def test_a_task_is_triggered_again_only_when_its_item_has_ended(bench, scanner, scan):
    uid = (await trigger(bench, scan))["item_uid"]
    code, message = await refused(bench, scan["id"])
    assert (code, "under way already" in message) == ("wrong_state", True)
    await scanner.do("queue_item_remove", uid=uid, **scanner.named)
    assert await seen(bench, scan) == ("ERROR", 0, "cancelled")
    assert (await trigger(bench, scan))["item_uid"] != uid


async def test_what_cannot_be_triggered_is_refused_with_the_reason(bench, workflow, sequence_id, template):
    tree = (await bench.do("exam_get", exam_id=template["id"]))["exam"]
    of_template = tree["workflows"][0]["tasks"][0]
    nowhere = await bench.add_scan(workflow, sequence_id=sequence_id)
    lost = await bench.add_scan(workflow, sequence_id=sequence_id, device_id=GONE)
    for task_id, code, reason in (
        (GONE, "not_found", "exam task"),
        (of_template["id"], "invalid_parameter", "is a template"),
        (nowhere["id"], "invalid_parameter", "device_id"),
        (lost["id"], "not_found", "device"),
    ):
        assert (await refused(bench, task_id))[0] == code
        assert reason in (await refused(bench, task_id))[1]


async def test_a_sequence_that_is_not_there_is_refused(bench, workflow, scanner):
    task = await bench.add_scan(workflow, device_id=scanner.lane_name, sequence_id="7")
    code, message = await refused(bench, task["id"])
    assert (code, "sequence '7'" in message) == ("not_found", True)


async def test_a_wrong_option_is_refused_by_its_field(bench, scan):
    assert "item.kwargs.expected_uploads" in (await refused(bench, scan["id"], expected_uploads=-1))[1]


async def test_the_trigger_is_in_the_event_log_and_can_be_undone(bench, scanner, scan):
    await trigger(bench, scan)
    assert ("exam_task_trigger", scan["id"]) in [(kind, data.get("task_id")) for kind, data in await bench.told()]
    await bench.do("queue_undo", **scanner.named)
    assert (await scanner.uids(), await seen(bench, scan)) == ([], ("ERROR", 0, "cancelled"))


async def test_what_is_put_back_into_the_queue_is_under_way_again(bench, scanner, scan):
    uid = (await trigger(bench, scan))["item_uid"]
    await scanner.do("queue_item_remove", uid=uid, **scanner.named)
    await scanner.do("queue_undo", **scanner.named)
    assert await seen(bench, scan) == ("STARTED", 0, "queued")


async def test_holding_and_releasing_is_seen_at_the_task(bench, scanner, scan):
    uid = (await trigger(bench, scan))["item_uid"]
    await scanner.do("queue_item_hold", uid=uid, reason="the patient is late", **scanner.named)
    assert await seen(bench, scan) == ("STARTED", 0, "held")
    await scanner.do("queue_item_release", uid=uid, **scanner.named)
    assert await seen(bench, scan) == ("STARTED", 0, "queued")


async def test_an_item_that_takes_the_place_of_another_takes_over_its_task_or_gives_it_up(
    bench, scanner, scan, workflow, sequence_id
):
    item = await trigger(bench, scan)
    update = {"replace": True, **scanner.named, **USER}
    new = (await bench.do("queue_item_update", item=item, **update))["item"]
    assert (await bench.do("exam_task_get", task_id=new["item_uid"]))["task"]["id"] == scan["id"]
    other = await bench.add_scan(workflow, device_id=scanner.lane_name, sequence_id=sequence_id)
    moved = {**new, "kwargs": {**new["kwargs"], "task_id": other["id"]}}
    await bench.do("queue_item_update", item=moved, **update)
    assert (await seen(bench, scan), await seen(bench, other)) == (("ERROR", 0, "cancelled"), ("STARTED", 0, "queued"))
    await bench.do("queue_undo", **scanner.named)
    assert (await seen(bench, scan), await seen(bench, other)) == (("STARTED", 0, "queued"), ("ERROR", 0, "cancelled"))
    await bench.do("queue_item_remove", uid=new["item_uid"], **scanner.named)
    assert await seen(bench, scan) == ("ERROR", 0, "cancelled")


async def test_what_waits_for_a_device_that_is_deleted_is_held_with_its_task(bench, scanner, scan):
    await trigger(bench, scan)
    await bench.do("device_delete", device_id=scanner.lane_name)
    assert await seen(bench, scan) == ("STARTED", 0, "held")


# --- graphs -----------------------------------------------------------------------------------------------------------


async def test_a_graph_waits_for_its_inputs_and_takes_their_files(bench, compute, workflow, scan):
    second = await bench.add_dag(workflow, parameter={"factor": 2})
    image = await bench.add_dag(workflow, [scan, second], parameter={"factor": 3})
    uids = [(await trigger(bench, each))["item_uid"] for each in (scan, second)]
    item = await trigger(bench, image)
    assert (item["item_type"], item["name"], item["lane"], item["after"]) == ("dag", "fft", "compute", uids)
    assert item["kwargs"] == {"factor": 3, "kspace": {"item_uid": uids[0]}, "maps": [{"item_uid": uids[1]}]}
    assert await seen(bench, image) == ("STARTED", 0, "queued")


async def test_an_input_that_was_never_triggered_or_was_cancelled_must_be_triggered_first(
    bench, compute, workflow, scanner, scan
):
    image = await bench.add_dag(workflow, [scan])
    code, message = await refused(bench, image["id"])
    assert (code, scan["id"] in message, "exam_task_trigger" in message) == ("wrong_state", True, True)
    uid = (await trigger(bench, scan))["item_uid"]
    await scanner.do("queue_item_remove", uid=uid, **scanner.named)
    assert "was cancelled" in (await refused(bench, image["id"]))[1]
    await bench.do("exam_task_remove", task_id=scan["id"])
    assert "is gone" in (await refused(bench, image["id"]))[1]


async def test_a_graph_whose_inputs_never_come_is_held_with_its_task(bench, compute, workflow):
    source = await bench.add_dag(workflow)
    await trigger(bench, source)
    image = await bench.add_dag(workflow, [source])
    await trigger(bench, image)
    [first, _] = await compute.uids()
    await compute.do("queue_item_remove", uid=first, lane="compute")
    await compute.do("queue_start", lane="compute")
    assert await seen(bench, image) == ("STARTED", 0, "held")


async def test_an_unknown_graph_and_options_of_scans_are_refused(bench, compute, workflow):
    unknown = await bench.add_dag(workflow, dag_id="wavelet")
    assert "wavelet" in (await refused(bench, unknown["id"]))[1]
    image = await bench.add_dag(workflow)
    assert "'expected_uploads' is about scans" in (await refused(bench, image["id"], expected_uploads=1))[1]


async def test_without_a_lane_of_graphs_it_is_said_what_to_do(bench, workflow):
    bench.resources.graph_lanes = ()
    image = await bench.add_dag(workflow)
    code, message = await refused(bench, image["id"])
    assert (code, "--lane compute" in message) == ("invalid_parameter", True)


async def test_a_task_follows_its_graph_to_its_files(bench, compute, workflow):
    image = await bench.add_dag(workflow)
    item = await trigger(bench, image)
    await run_graph(compute)
    assert await seen(bench, image) == ("INPROGRESS", 0, "running")
    compute.intake.hear_progress("compute", compute.incarnation, Progress(attempt=compute.key, points=2, total=8))
    await compute.settle()
    assert await seen(bench, image) == ("INPROGRESS", 25, "running")
    await compute.finish(artifacts=OUTPUTS)
    assert await seen(bench, image) == ("FINISHED", 100, "done")
    results = (await bench.do("exam_task_get", task_id=image["id"]))["task"]["results"]
    assert [(each["type"], each["files"]) for each in results] == [
        ("NUMPY", ["image.npy"]),
        ("NOT_SET", ["image.png"]),
        ("NUMPY", ["coils/0.npy", "coils/1.npy"]),
        ("CALIBRATION", ["metrics.json"]),
    ]
    coils = results[2]
    assert coils["directory"] == f"{workflow['id']}/{image['id']}/{coils['id']}"
    assert (coils["creator"], coils["meta"]["item_uid"]) == (USER["user"], item["item_uid"])
    assert coils["meta"]["artifacts"]["coils/1.npy"]["artifact_id"] == "3" * 64
    assert coils["meta"]["manifest"] == "5" * 64


async def test_a_task_tells_why_its_graph_has_failed_and_follows_the_copy(bench, compute, workflow):
    image = await bench.add_dag(workflow)
    uid = (await trigger(bench, image))["item_uid"]
    await run_graph(compute)
    await compute.finish("failed", message="the node combine has failed")
    task = (await bench.do("exam_task_get", task_id=image["id"]))["task"]
    assert (task["status"], task["error_message"]) == ("ERROR", "the node combine has failed")
    [copy] = await compute.uids()
    await run_graph(compute)
    task = (await bench.do("exam_task_get", task_id=image["id"]))["task"]
    assert (task["status"], task["item_uid"], task["error_message"]) == ("INPROGRESS", copy, None)
    assert copy != uid


async def test_a_change_of_its_item_keeps_the_task_and_no_client_gives_an_item_one(bench, compute, workflow):
    image = await bench.add_dag(workflow)
    item = await trigger(bench, image)
    changed = {**item, "kwargs": {"factor": 4}, "properties": {"exam_task_id": GONE, "colour": "red"}}
    reply = await compute.do("queue_item_update", item=changed, lane="compute", **USER)
    assert reply["item"]["properties"] == {"exam_task_id": image["id"], "colour": "red"}
    reply = await compute.do("queue_item_add", item=changed, **USER)
    assert reply["item"]["properties"] == {"colour": "red"}
    await compute.do("queue_item_remove", uid=item["item_uid"], lane="compute")
    assert await seen(bench, image) == ("ERROR", 0, "cancelled")


async def test_names_that_no_result_can_have_do_not_keep_a_graph_from_ending(bench, compute, workflow):
    image = await bench.add_dag(workflow)
    await trigger(bench, image)
    await run_graph(compute)
    odd = ManifestEntry(name="a//b.npy", artifact=OUTPUTS[0].artifact)
    await compute.finish(artifacts=(odd, OUTPUTS[1]))
    task = (await bench.do("exam_task_get", task_id=image["id"]))["task"]
    assert (task["status"], [each["files"] for each in task["results"]]) == ("FINISHED", [["image.png"]])


async def test_more_files_than_one_record_can_hold_become_several_results(bench, compute, workflow):
    image = await bench.add_dag(workflow)
    await trigger(bench, image)
    await run_graph(compute)
    many = tuple(
        ManifestEntry(name=f"{'very long ' * 50}{number}.npy", artifact=OUTPUTS[0].artifact) for number in range(40)
    )
    await compute.finish(artifacts=many)
    results = (await bench.do("exam_task_get", task_id=image["id"]))["task"]["results"]
    assert len(results) > 1
    assert [name for each in results for name in each["files"]] == [each.name for each in many]
