"""Copies of templates: everything anew, the inputs re-mapped, and nothing shared."""

from __future__ import annotations

import pytest

from queue_server.protocol.exam_records import MOST_TREE_RECORDS
from tests.doubles.exam_records import PATIENT, exam, exam_task, identity, scan_fields, workflow


async def _tree(bench, exam):
    return (await bench.do("exam_get", exam_id=exam["id"]))["exam"]


async def test_a_copy_of_an_exam_has_all_workflows_and_exam_tasks_with_inputs_of_its_own(bench, template):
    changed = (await _tree(bench, template))["workflows"][0]["tasks"][0]
    await bench.do("exam_task_update", task_id=changed["id"], task={"status": "FINISHED", "progress": 50})
    given = {"patient_id": PATIENT, "name": "monday"}
    exam = (await bench.do("exam_copy", template_id=template["id"], exam=given, user="bob"))["exam"]
    assert (exam["name"], exam["comment"], exam["creator"], exam["version"]) == ("monday", "as usual", "bob", 1)
    tree = await _tree(bench, exam)
    tasks = {task["name"]: task for workflow in tree["workflows"] for task in workflow["tasks"]}
    assert [workflow["name"] for workflow in tree["workflows"]] == ["first", "second"]
    assert list(tasks) == ["localizer", "scan", "image", "map"]
    assert tasks["image"]["input_task_ids"] == [tasks["scan"]["id"], tasks["localizer"]["id"]]
    assert tasks["map"]["input_task_ids"] == [tasks["image"]["id"], tasks["scan"]["id"]]
    assert tasks["map"]["parameter"] == {"kernel": [3, 3]}
    for record in (exam, *tree["workflows"], *tasks.values()):
        assert (record["status"], record["is_template"], record["creator"]) == ("NEW", False, "bob")
    assert {task["progress"] for task in tasks.values()} == {0}
    assert (await bench.told())[-1] == (
        "exam_copy",
        {"exam_id": exam["id"], "version": 1, "template_id": template["id"], "workflows": 2, "tasks": 4},
    )


async def test_a_copy_may_be_a_template_too(bench, template):
    given = {"is_template": True, "name": "another"}
    exam = (await bench.do("exam_copy", template_id=template["id"], exam=given))["exam"]
    assert exam["is_template"] is True
    records = [each for workflow in (await _tree(bench, exam))["workflows"] for each in (workflow, *workflow["tasks"])]
    assert {record["is_template"] for record in records} == {True}


@pytest.mark.parametrize("method", ["exam_copy", "exam_workflow_copy", "exam_task_copy"])
async def test_only_templates_are_copied(method, bench, exam, workflow, scan):
    of = {"exam_copy": exam, "exam_workflow_copy": workflow, "exam_task_copy": scan}[method]
    refused = await bench.refuse(method, template_id=of["id"])
    assert refused["error"]["details"]["field"] == "template_id"
    assert (await bench.refuse(method, template_id=identity("gone")))["error"]["code"] == "not_found"


async def test_a_copy_of_an_exam_needs_a_patient_and_is_new(bench, template):
    for given in (None, {"patient_id": PATIENT, "status": "STARTED"}, {"patient_id": PATIENT, "is_template": True}):
        refused = await bench.refuse("exam_copy", template_id=template["id"], exam=given)
        assert refused["error"]["code"] == "invalid_parameter"
    assert (await bench.do("exam_list"))["exams"] == []


async def test_a_workflow_is_copied_into_an_exam_without_inputs_from_elsewhere(bench, exam, template):
    second = (await _tree(bench, template))["workflows"][1]
    given = {"exam_id": exam["id"]}
    workflow = (await bench.do("exam_workflow_copy", template_id=second["id"], workflow=given))["workflow"]
    assert (workflow["exam_id"], workflow["is_template"], workflow["status"]) == (exam["id"], False, "NEW")
    [task] = (await bench.do("exam_workflow_get", workflow_id=workflow["id"]))["workflow"]["tasks"]
    assert (task["name"], task["input_task_ids"], task["workflow_id"]) == ("map", [], workflow["id"])


async def test_a_workflow_is_copied_as_a_template_that_stands_alone_or_belongs_to_one(bench, exam, template):
    first = (await _tree(bench, template))["workflows"][0]
    alone = {"is_template": True}
    copy = (await bench.do("exam_workflow_copy", template_id=first["id"], workflow=alone))["workflow"]
    assert (copy["exam_id"], copy["is_template"]) == (None, True)
    tasks = (await bench.do("exam_workflow_get", workflow_id=copy["id"]))["workflow"]["tasks"]
    assert {task["is_template"] for task in tasks} == {True}
    assert tasks[2]["input_task_ids"] == [tasks[1]["id"], tasks[0]["id"]]
    for given in (None, {"exam_id": template["id"]}, {"exam_id": exam["id"], "is_template": True}):
        refused = await bench.refuse("exam_workflow_copy", template_id=first["id"], workflow=given)
        assert refused["error"]["details"]["field"] == "workflow.exam_id"


async def test_an_exam_task_is_copied_as_new(bench, workflow, template):
    scan, image = (await _tree(bench, template))["workflows"][0]["tasks"][1:]
    await bench.do("exam_task_update", task_id=scan["id"], task={"status": "FINISHED", "progress": 9})
    given = {"workflow_id": workflow["id"], "position": 7}
    copy = (await bench.do("exam_task_copy", template_id=scan["id"], task=given))["task"]
    assert copy["id"] != scan["id"]
    assert (copy["status"], copy["progress"], copy["position"], copy["is_template"]) == ("NEW", 0, 7, False)
    dag = (await bench.do("exam_task_copy", template_id=image["id"], task=given))["task"]
    assert dag["input_task_ids"] == []
    given["input_task_ids"] = [copy["id"]]
    dag = (await bench.do("exam_task_copy", template_id=image["id"], task=given))["task"]
    assert dag["input_task_ids"] == [copy["id"]]
    dag = (await bench.do("exam_task_copy", template_id=image["id"], task={"is_template": True}))["task"]
    assert (dag["input_task_ids"], dag["workflow_id"]) == (image["input_task_ids"], None)
    refused = await bench.refuse("exam_task_copy", template_id=image["id"], task={**given, **scan_fields()})
    assert refused["error"]["details"]["field"] == "task.task_type"


async def test_a_template_that_is_too_large_is_not_copied_in_part(bench):
    await bench.keep([exam("e", is_template=True), workflow("w", of="e", is_template=True)])
    await bench.keep(exam_task(str(number), of="w", is_template=True) for number in range(MOST_TREE_RECORDS - 1))
    refused = await bench.refuse("exam_copy", template_id=identity("e"), exam={"patient_id": PATIENT})
    assert refused["error"]["code"] == "refused"
    assert (await bench.do("exam_list"))["exams"] == []
    last = (await bench.do("exam_task_list", templates=True, limit=1))["tasks"][0]
    await bench.do("exam_task_remove", task_id=last["id"])
    copy = (await bench.do("exam_copy", template_id=identity("e"), exam={"patient_id": PATIENT}))["exam"]
    [copied] = (await _tree(bench, copy))["workflows"]
    assert len(copied["tasks"]) == MOST_TREE_RECORDS - 2
