"""Workflows: which exam they belong to, and templates that stand alone."""

from __future__ import annotations

import pytest

from tests.doubles.exam_records import identity


async def test_a_workflow_belongs_to_its_exam(bench, exam, workflow):
    assert workflow["exam_id"] == exam["id"]
    listed = (await bench.do("exam_workflow_list", exam_id=exam["id"]))["workflows"]
    assert listed == [workflow]
    assert (await bench.do("exam_workflow_list"))["workflows"] == [workflow]


async def test_a_template_may_stand_alone_or_belong_to_a_template(bench, template):
    alone = (await bench.do("exam_workflow_add", workflow={"name": "alone", "is_template": True}))["workflow"]
    names = [each["name"] for each in (await bench.do("exam_workflow_list", templates=True))["workflows"]]
    assert names == ["first", "second", "alone"]
    moved = await bench.do(
        "exam_workflow_update", workflow_id=alone["id"], workflow={"exam_id": template["id"], "status": "FINISHED"}
    )
    assert (moved["workflow"]["exam_id"], moved["workflow"]["status"]) == (template["id"], "FINISHED")


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"exam_id": None}, None),
        ({"exam_id": identity("gone")}, identity("gone")),
        ({"exam_id": "template"}, None),
        ({"is_template": True}, None),
    ],
)
async def test_a_workflow_has_an_exam_of_its_sort(fields, missing, bench, workflow, template):
    fields = {name: template["id"] if value == "template" else value for name, value in fields.items()}
    given = {"name": "x", "exam_id": workflow["exam_id"], **fields}
    for refused in (
        await bench.refuse("exam_workflow_update", workflow_id=workflow["id"], workflow=fields),
        await bench.refuse("exam_workflow_add", workflow=given),
    ):
        assert refused["error"]["code"] == "invalid_parameter"
        assert refused["error"]["details"].get("missing") == missing
    assert (await bench.do("exam_workflow_list"))["workflows"] == [workflow]


async def test_a_workflow_moves_to_another_exam(bench, exam, workflow, scan):
    other = await bench.add_exam(name="other")
    change = {"exam_id": other["id"]}
    moved = (await bench.do("exam_workflow_update", workflow_id=workflow["id"], workflow=change))["workflow"]
    assert moved["version"] == 2
    tree = (await bench.do("exam_get", exam_id=other["id"]))["exam"]
    assert tree["workflows"][0]["tasks"][0]["id"] == scan["id"]
    assert (await bench.do("exam_get", exam_id=exam["id"]))["exam"]["workflows"] == []


async def test_versions_and_status_are_those_of_every_record(bench, workflow):
    uid = workflow["id"]
    refused = await bench.refuse("exam_workflow_update", workflow_id=uid, workflow={"status": "NEW"})
    assert refused["error"]["code"] == "forbidden"
    refused = await bench.refuse("exam_workflow_remove", workflow_id=uid, if_version=2)
    assert refused["error"] == {"code": "stale", "details": {"version": 1}}
    refused = await bench.refuse("exam_workflow_add", workflow={**_fields(workflow), "status": "FINISHED"})
    assert refused["error"]["details"]["field"] == "workflow.status"
    await bench.do("exam_workflow_remove", workflow_id=uid, if_version=1)
    assert (await bench.do("exam_workflow_list"))["workflows"] == []


async def test_a_list_is_of_an_exam_or_of_templates(bench, exam):
    assert "not both" in (await bench.refuse("exam_workflow_list", exam_id=exam["id"], templates=True))["msg"]
    assert (await bench.refuse("exam_workflow_list", exam_id=identity("gone")))["error"]["code"] == "not_found"


def _fields(workflow):
    return {name: workflow[name] for name in ("name", "exam_id", "is_template")}
