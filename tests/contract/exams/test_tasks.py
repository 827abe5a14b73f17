"""Exam tasks: scans and processing, their order, their inputs, and what the queue owns of them."""

from __future__ import annotations

import pytest

from tests.doubles.exam_records import FIELD_OF_VIEW, dag_fields, identity, scan_fields

LIMITS = {"patient_height": 180, "patient_weight": 80, "patient_age": 40, "patient_gender": "FEMALE"}


async def test_a_scan_is_as_it_was_sent(bench, workflow):
    scan = await bench.add_scan(workflow, acquisition_limits=LIMITS, calibration=["shims"], device_id=identity("d"))
    sent = scan_fields(acquisition_limits=LIMITS, calibration=["shims"], device_id=identity("d"))
    assert {name: scan[name] for name in sent} == sent
    assert (scan["item_uid"], scan["item_state"], scan["error_message"], scan["progress"]) == (None, None, None, 0)
    assert (await bench.do("exam_task_get", task_id=scan["id"]))["task"] == {**scan, "results": []}
    assert (await bench.do("exam_task_get", task_id=scan["id"], tree=False))["task"] == scan


WRONG = {
    "no type": ({**scan_fields(), "task_type": None}, "task.task_type"),
    "a type that there is not": (scan_fields(task_type="PROCESSING"), "task.task_type"),
    "a type that is no text": (scan_fields(task_type=["DAG"]), "task.task_type"),
    "a scan with a graph": (scan_fields(dag_id="x"), "task.dag_id"),
    "processing with a scanner": (dag_fields(device_id=identity("d")), "task.device_id"),
    "a number that is none": (
        scan_fields(acquisition_parameter={**FIELD_OF_VIEW, "fov_scaling": {"x": 1, "y": "1", "z": 1}}),
        "task.acquisition_parameter.fov_scaling.y",
    ),
    "limits that lack one": (
        scan_fields(acquisition_limits={name: LIMITS[name] for name in list(LIMITS)[:3]}),
        "task.acquisition_limits.patient_gender",
    ),
    "progress between two numbers": (scan_fields(progress=12.5), "task.progress"),
    "progress beyond the end": (scan_fields(progress=101), "task.progress"),
    "another kind of graph": (dag_fields(dag_type="DAG"), "task.dag_type"),
    "an input that is no UUID": (dag_fields(input_task_ids=["x"]), "task.input_task_ids.0"),
    "an item": (scan_fields(item_uid="x"), "task.item_uid"),
    "another status": (scan_fields(status="FINISHED"), "task.status"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_wrong_exam_task_is_refused_by_the_name_of_the_field(what, bench, workflow):
    fields, named = WRONG[what]
    refused = await bench.refuse("exam_task_add", task={"workflow_id": workflow["id"], **fields})
    assert refused["error"]["details"]["field"] == named
    assert (await bench.do("exam_task_list"))["tasks"] == []


@pytest.mark.parametrize("change", [{"workflow_id": None}, {"workflow_id": identity("gone")}, {"is_template": True}])
async def test_an_exam_task_has_a_workflow_of_its_sort(change, bench, workflow, scan):
    fields = scan_fields(**{"workflow_id": workflow["id"], **change})
    assert (await bench.refuse("exam_task_add", task=fields))["error"]["code"] == "invalid_parameter"
    refused = await bench.refuse("exam_task_update", task_id=scan["id"], task=change)
    assert refused["error"]["code"] == "invalid_parameter"


async def test_an_exam_task_keeps_its_type(bench, scan):
    for change in (dag_fields(), {"task_type": "DAG"}):
        refused = await bench.refuse("exam_task_update", task_id=scan["id"], task=change)
        assert refused["error"]["details"]["field"] == "task.task_type"


async def test_an_edit_of_a_new_exam_task_updates_it_and_a_whole_one_sent_back_does_not(bench, scan):
    sent = {name: scan[name] for name in scan_fields(status="NEW", progress=0, position=0)}
    assert (await bench.do("exam_task_update", task_id=scan["id"], task=sent))["task"] == scan
    changed = await bench.do("exam_task_update", task_id=scan["id"], task={**sent, "sequence_id": "other"})
    assert (changed["task"]["status"], changed["task"]["version"]) == ("UPDATED", 2)
    ended = await bench.do("exam_task_update", task_id=scan["id"], task={"status": "FINISHED", "progress": 100})
    assert (ended["task"]["status"], ended["task"]["progress"]) == ("FINISHED", 100)


@pytest.mark.parametrize("state", ["queued", "held", "dispatched", "acknowledged", "running", "uploading"])
async def test_the_queue_owns_status_and_progress_while_an_item_waits_or_is_active(state, bench, scan):
    uid = await bench.give_item(scan, state, status="INPROGRESS", progress=40)
    for change in ({"status": "FINISHED"}, {"progress": 41}):
        refused = await bench.refuse("exam_task_update", task_id=scan["id"], task=change)
        assert refused["error"] == {"code": "wrong_state", "details": {"item_uid": uid}}
    same = {"status": "INPROGRESS", "progress": 40, "description": "the third try"}
    changed = (await bench.do("exam_task_update", task_id=uid, task=same))["task"]
    assert (changed["description"], changed["item_state"], changed["version"]) == ("the third try", state, 3)


@pytest.mark.parametrize("state", ["done", "failed", "unknown", "cancelled"])
async def test_people_own_an_exam_task_whose_item_has_ended(state, bench, scan):
    uid = await bench.give_item(scan, state, status="ERROR")
    changed = (await bench.do("exam_task_update", task_id=scan["id"], task={"status": "FINISHED"}))["task"]
    assert (changed["status"], changed["item_uid"], changed["item_state"]) == ("FINISHED", uid, state)


async def test_an_exam_task_is_found_by_its_item(bench, scan):
    uid = await bench.give_item(scan, "done")
    assert (await bench.do("exam_task_get", task_id=uid))["task"]["id"] == scan["id"]
    assert (await bench.do("exam_result_add", task_id=uid))["result"]["task_id"] == scan["id"]
    await bench.do("exam_task_remove", task_id=uid)
    assert (await bench.refuse("exam_task_get", task_id=uid))["error"]["code"] == "not_found"


async def test_inputs_are_exam_tasks_of_the_same_sort(bench, workflow, scan, template):
    tree = (await bench.do("exam_get", exam_id=template["id"]))["exam"]
    of_template = tree["workflows"][0]["tasks"][0]
    gone = {"id": identity("gone")}
    for inputs, missing in (([gone], gone["id"]), ([of_template], None), ([scan, scan], None)):
        fields = dag_fields(workflow_id=workflow["id"], input_task_ids=[each["id"] for each in inputs])
        details = (await bench.refuse("exam_task_add", task=fields))["error"]["details"]
        assert (details["field"], details.get("missing")) == ("task.input_task_ids", missing)
    dag = await bench.add_dag(workflow, [scan])
    assert dag["input_task_ids"] == [scan["id"]]


async def test_no_exam_task_waits_for_itself(bench, workflow, scan):
    first = await bench.add_dag(workflow, [scan], name="first")
    second = await bench.add_dag(workflow, [first], name="second")
    third = await bench.add_dag(workflow, [second, first], name="third")
    for inputs in ([first["id"]], [third["id"]], [scan["id"], second["id"]]):
        refused = await bench.refuse("exam_task_update", task_id=first["id"], task={"input_task_ids": inputs})
        assert "would wait for itself" in refused["msg"]
    await bench.do("exam_task_update", task_id=third["id"], task={"input_task_ids": [scan["id"], second["id"]]})


async def test_an_input_that_has_gone_stays_named(bench, workflow, scan):
    dag = await bench.add_dag(workflow, [scan])
    await bench.do("exam_task_remove", task_id=scan["id"])
    changed = (await bench.do("exam_task_update", task_id=dag["id"], task={"description": "later"}))["task"]
    assert changed["input_task_ids"] == [scan["id"]]


async def test_exam_tasks_take_another_order(bench, workflow, template):
    a, b, c, d = [(await bench.add_scan(workflow, name=name))["id"] for name in "abcd"]
    assert (await bench.do("exam_task_reorder", task_ids=[c, a]))["task_ids"] == [c, a, b, d]

    async def listed():
        return [each["id"] for each in (await bench.do("exam_task_list", workflow_id=workflow["id"]))["tasks"]]

    assert await listed() == [c, a, b, d]
    before = await bench.told()
    assert (await bench.do("exam_task_reorder", task_ids=[c, a, b, d]))["task_ids"] == [c, a, b, d]
    assert await bench.told() == before
    other = (await bench.do("exam_task_list", templates=True))["tasks"][0]["id"]
    alone = (await bench.do("exam_task_add", task=scan_fields(is_template=True)))["task"]["id"]
    for wrong in ([], [a] * 501, [a, a], [a, other], [alone], [a, identity("gone")]):
        assert (await bench.refuse("exam_task_reorder", task_ids=wrong))["error"]["details"]["field"] == "task_ids"
    assert await listed() == [c, a, b, d]


async def test_a_list_is_of_a_workflow_or_of_templates(bench, workflow):
    refused = await bench.refuse("exam_task_list", workflow_id=workflow["id"], templates=True)
    assert "not both" in refused["msg"]
    assert (await bench.refuse("exam_task_list", workflow_id="gone"))["error"]["code"] == "not_found"


async def test_an_exam_task_of_an_item_alone_can_be_changed(bench, workflow, scan):
    """Such a one is made by the manager; it gets a workflow later, or never."""
    uid = await bench.give_item(scan, "done", workflow_id=None)
    changed = (await bench.do("exam_task_update", task_id=uid, task={"name": "alone"}))["task"]
    assert (changed["name"], changed["workflow_id"]) == ("alone", None)
    changed = await bench.do("exam_task_update", task_id=uid, task={"workflow_id": workflow["id"]})
    assert changed["task"]["workflow_id"] == workflow["id"]


async def test_another_version_is_refused(bench, scan):
    for method, more in (("exam_task_update", {"task": {"name": "x"}}), ("exam_task_remove", {})):
        refused = await bench.refuse(method, task_id=scan["id"], if_version=9, **more)
        assert refused["error"] == {"code": "stale", "details": {"version": 1}}
