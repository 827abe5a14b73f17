"""Exams: what is refused, what an exam shows, versions, events, and what goes with it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from queue_server.protocol.exam_records import MOST_TREE_RECORDS
from tests.doubles.exam_records import PATIENT, exam_fields, identity, result

NOBODY = identity("nobody")


async def test_an_exam_is_as_it_was_sent_and_signed_by_who_sent_it(bench):
    exam = await bench.add_exam(indication="pain", comment=None)
    assert exam == {
        "id": exam["id"],
        **exam_fields(indication="pain", comment=None),
        "description": "",
        "status": "NEW",
        "is_template": False,
        "creator": "anna",
        "datetime_created": "2023-11-14T22:13:20+00:00",
        "datetime_updated": None,
        "version": 1,
    }
    assert (await bench.do("exam_get", exam_id=exam["id"]))["exam"] == {**exam, "workflows": []}
    assert (await bench.do("exam_get", exam_id=exam["id"].upper(), tree=False))["exam"] == exam


REFUSED = {
    "another status": (exam_fields(status="STARTED"), "exam.status"),
    "no patient": ({"name": "x"}, "exam.patient_id"),
    "a template with a patient": (exam_fields(is_template=True, patient_id=PATIENT), "exam.patient_id"),
    "a patient that is no UUID": (exam_fields(patient_id="smith"), "exam.patient_id"),
    "no name": ({"patient_id": PATIENT}, "exam.name"),
    "a name that is no text": (exam_fields(name=5), "exam.name"),
    "an unknown status": (exam_fields(status="DONE"), "exam.status"),
    "a field that there is not": (exam_fields(workflows=[]), "exam.workflows"),
    "a comment that is too long": (exam_fields(comment="x" * 16_385), "exam.comment"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_wrong_exam_is_refused_by_the_name_of_the_field(what, bench):
    fields, named = REFUSED[what]
    refused = await bench.refuse("exam_add", exam=fields)
    assert (refused["error"]["code"], refused["error"]["details"]["field"]) == ("invalid_parameter", named)
    assert f"'{named}'" in refused["msg"]
    assert (await bench.do("exam_list"))["exams"] == []
    assert await bench.told() == []


@pytest.mark.parametrize("method", ["exam_get", "exam_remove"])
async def test_what_is_not_there_is_not_found(method, bench):
    assert (await bench.refuse(method, exam_id=NOBODY))["error"]["code"] == "not_found"
    refused = await bench.refuse("exam_update", exam_id="no UUID", exam={"name": "x"})
    assert refused["error"]["code"] == "not_found"


async def test_a_change_keeps_what_it_does_not_name(bench, exam):
    bench.clock.advance(60)
    changed = (await bench.do("exam_update", exam_id=exam["id"], exam={"comment": "left"}))["exam"]
    updated = {"status": "UPDATED", "version": 2, "datetime_updated": "2023-11-14T22:14:20+00:00"}
    assert changed == {**exam, "comment": "left", **updated}
    assert (await bench.do("exam_get", exam_id=exam["id"], tree=False))["exam"] == changed
    kind, data = (await bench.told())[-1]
    assert (kind, data["exam_id"], data["version"], data["changed"]) == (
        "exam_update",
        exam["id"],
        2,
        ["comment", "status"],
    )
    assert "left" not in str(data)


async def test_a_change_that_changes_nothing_makes_no_version(bench, exam):
    before = await bench.told()
    assert (await bench.do("exam_update", exam_id=exam["id"], exam={"name": exam["name"]}))["exam"] == exam
    assert await bench.told() == before


async def test_an_exam_does_not_become_new_again(bench, exam):
    refused = await bench.refuse("exam_update", exam_id=exam["id"], exam={"status": "NEW"})
    assert refused["error"]["code"] == "forbidden"


@pytest.mark.parametrize("change", [{"is_template": True}, {"is_template": True, "patient_id": None}])
async def test_an_exam_does_not_become_a_template(change, bench, exam):
    refused = await bench.refuse("exam_update", exam_id=exam["id"], exam=change)
    assert refused["error"]["details"]["field"] == "exam.is_template"


@pytest.mark.parametrize("method", ["exam_update", "exam_remove"])
async def test_a_change_of_another_version_is_refused_with_the_present_one(method, bench, exam):
    await bench.do("exam_update", exam_id=exam["id"], exam={"comment": "left"}, if_version=1)
    change = {"exam": {"comment": "right"}} if method == "exam_update" else {}
    refused = await bench.refuse(method, exam_id=exam["id"], if_version=1, **change)
    assert refused["error"] == {"code": "stale", "details": {"version": 2}}
    assert (await bench.do("exam_get", exam_id=exam["id"]))["exam"]["comment"] == "left"
    await bench.do(method, exam_id=exam["id"], if_version=2, **change)


async def test_exams_are_listed_by_patient_and_templates_apart(bench, exam, template):
    other = await bench.add_exam(patient_id=NOBODY)

    async def listed(**which):
        return [each["id"] for each in (await bench.do("exam_list", **which))["exams"]]

    assert await listed() == [exam["id"], other["id"]]
    assert await listed(patient_id=PATIENT.upper()) == [exam["id"]]
    assert await listed(templates=True) == [template["id"]]
    assert "'patient_id' or 'templates'" in (await bench.refuse("exam_list", patient_id=PATIENT, templates=True))["msg"]


async def test_pages_go_on_where_the_one_before_ended(bench):
    ids = [(await bench.add_exam(name=str(number)))["id"] for number in range(5)]
    found, cursor, pages = [], None, 0
    while cursor is not None or not pages:
        page = await bench.do("exam_list", limit=2, cursor=cursor)
        found += [each["id"] for each in page["exams"]]
        cursor, pages = page["next_cursor"], pages + 1
    assert (found, pages) == (ids, 3)
    assert (await bench.refuse("exam_list", cursor="x"))["error"]["details"]["field"] == "cursor"


async def test_an_exam_shows_everything_that_belongs_to_it_in_order(bench, template):
    tree = (await bench.do("exam_get", exam_id=template["id"]))["exam"]
    shown = [(each["name"], [task["name"] for task in each["tasks"]]) for each in tree["workflows"]]
    assert shown == [("first", ["localizer", "scan", "image"]), ("second", ["map"])]
    assert (await bench.do("exam_list", templates=True, tree=True))["exams"] == [tree]
    workflow = tree["workflows"][0]
    assert (await bench.do("exam_workflow_get", workflow_id=workflow["id"]))["workflow"] == workflow


@pytest.mark.parametrize(
    ("statuses", "shown"),
    [
        (["NEW", "ERROR", "INPROGRESS"], "ERROR"),
        (["FINISHED", "STARTED"], "INPROGRESS"),
        (["NEW", "INPROGRESS"], "INPROGRESS"),
        (["FINISHED", "FINISHED"], "FINISHED"),
        (["FINISHED", "NEW"], "STARTED"),
        ([], "STARTED"),
    ],
)
async def test_an_exam_is_as_far_as_its_exam_tasks(statuses, shown, bench, exam, workflow):
    await bench.do("exam_update", exam_id=exam["id"], exam={"status": "STARTED"})
    await bench.do("exam_workflow_update", workflow_id=workflow["id"], workflow={"status": "STARTED"})
    for status in statuses:
        task = await bench.add_scan(workflow)
        if status != "NEW":
            await bench.do("exam_task_update", task_id=task["id"], task={"status": status})
    for tree in (True, False):
        assert (await bench.do("exam_get", exam_id=exam["id"], tree=tree))["exam"]["status"] == shown
        assert (await bench.do("exam_list", tree=tree))["exams"][0]["status"] == shown
        found = await bench.do("exam_workflow_get", workflow_id=workflow["id"], tree=tree)
        assert found["workflow"]["status"] == shown


async def test_everything_goes_with_an_exam(bench, exam, workflow, scan):
    result = (await bench.do("exam_result_add", task_id=scan["id"]))["result"]
    await bench.do("exam_remove", exam_id=exam["id"])
    for method, params in (
        ("exam_get", {"exam_id": exam["id"]}),
        ("exam_workflow_get", {"workflow_id": workflow["id"]}),
        ("exam_task_get", {"task_id": scan["id"]}),
        ("exam_result_get", {"result_id": result["id"]}),
    ):
        assert (await bench.refuse(method, **params))["error"]["code"] == "not_found"
    assert (await bench.told())[-1] == ("exam_remove", {"exam_id": exam["id"], "version": 1})


@pytest.mark.parametrize("state", ["queued", "held", "dispatched", "acknowledged", "running", "uploading"])
async def test_nothing_goes_that_the_queue_owns(state, bench, exam, workflow, scan):
    await bench.give_item(scan, state)
    for method, params in (
        ("exam_remove", {"exam_id": exam["id"]}),
        ("exam_workflow_remove", {"workflow_id": workflow["id"]}),
        ("exam_task_remove", {"task_id": scan["id"]}),
    ):
        assert (await bench.refuse(method, **params))["error"]["code"] == "wrong_state"
    assert (await bench.do("exam_get", exam_id=exam["id"]))["exam"]["workflows"][0]["tasks"][0]["id"] == scan["id"]


@pytest.mark.parametrize("state", ["done", "failed", "unknown", "cancelled"])
async def test_what_has_ended_can_go(state, bench, exam, scan):
    await bench.give_item(scan, state)
    await bench.do("exam_remove", exam_id=exam["id"])


async def test_a_tree_that_is_too_large_is_refused_and_can_be_read_in_parts(bench, exam, workflow, scan):
    results = [result(str(number), of="") for number in range(MOST_TREE_RECORDS - 3)]
    await bench.keep(replace(each, fields=each.fields.model_copy(update={"task_id": scan["id"]})) for each in results)
    assert len((await bench.do("exam_task_get", task_id=scan["id"]))["task"]["results"]) == MOST_TREE_RECORDS - 3
    assert (await bench.do("exam_get", exam_id=exam["id"]))["success"]
    later = await bench.add_exam(name="later")
    page = await bench.do("exam_list", tree=True)
    assert [each["id"] for each in page["exams"]] == [exam["id"]]
    page = await bench.do("exam_list", tree=True, cursor=page["next_cursor"])
    assert ([each["id"] for each in page["exams"]], page["next_cursor"]) == ([later["id"]], None)
    await bench.do("exam_result_add", task_id=scan["id"])
    for method in ("exam_get", "exam_list"):
        params = {"exam_id": exam["id"]} if method == "exam_get" else {"tree": True}
        refused = await bench.refuse(method, **params)
        assert refused["error"] == {"code": "refused", "details": {"most": MOST_TREE_RECORDS}}
    assert (await bench.do("exam_workflow_list", exam_id=exam["id"]))["workflows"][0]["id"] == workflow["id"]
