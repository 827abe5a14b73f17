"""The routes of exam records, before a real manager: the records with exactly their keys, and every status code."""

from __future__ import annotations

import pytest
import pytest_asyncio

from tests.doubles.exam_gateway import (
    FIELD_OF_VIEW,
    LIMITS,
    Records,
    dag_of,
    exam_gateway,
    exam_of,
    give_item,
    multiply,
    scan_of,
    task_of,
    workflow_of,
)
from tests.doubles.exam_records import PATIENT, identity

pytestmark = pytest.mark.asyncio(loop_scope="module")

GONE = identity("gone")
SIGNED = {"id", "datetime_created", "version"}
AUTHORED = SIGNED | {"creator", "datetime_updated"}
EXAM = AUTHORED | {
    "patient_id", "name", "description", "indication", "comment", "status", "is_template", "workflows",
}  # fmt: skip
WORKFLOW = AUTHORED | {"exam_id", "name", "description", "comment", "status", "is_template", "tasks"}
TASK = AUTHORED | {
    "workflow_id", "name", "description", "task_type", "destination", "status", "progress", "is_template", "position",
    "results", "item_uid", "item_state", "error_message",
}  # fmt: skip
SCAN = TASK | {"device_id", "sequence_id", "acquisition_parameter", "acquisition_limits", "calibration"}
DAG = TASK | {"dag_type", "dag_id", "input_task_ids", "parameter"}
RESULT = SIGNED | {"task_id", "type", "directory", "files", "meta"}
SEQUENCE = AUTHORED | {
    "_id", "name", "description", "sequence_type", "created_at", "updated_at", "seq_file", "tags",
    "seq_file_extension", "xml_file", "xml_file_extension",
}  # fmt: skip


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place(tmp_path_factory):
    """A manager and a client of the gateway in front of it."""
    async with exam_gateway(tmp_path_factory.mktemp("gateway"), timeout_s=20) as both:
        yield both


@pytest.fixture
def manager(place):
    """The manager."""
    return place[0]


@pytest.fixture
def records(place):
    """The routes of exam records."""
    return Records(place[1])


def check(records, keys):
    """Check that records have exactly these keys, and what belongs to them exactly theirs."""
    for record in records:
        assert set(record) == keys
        check(record.get("workflows", ()), WORKFLOW)
        for task in record.get("tasks", ()):
            check([task], SCAN if task["task_type"] == "ACQUISITION" else DAG)
        check(record.get("results", ()), RESULT)


# --- exams ----------------------------------------------------------------------------------------------------------


async def test_an_exam_goes_its_way(records):
    patient = identity("patient of one exam")
    made = await records.exam(patient_id=patient, indication="pain", unknown="is passed over")
    check([made], EXAM)
    assert (made["status"], made["version"], made["workflows"], made["creator"]) == (
        "NEW", 1, [], "UNAUTHENTICATED_SINGLE_USER",
    )  # fmt: skip
    assert await records.ask("GET", f"/{made['id']}") == made
    assert await records.ask("GET", f"/all/{patient}") == [made]
    changed = await records.ask("PUT", f"/{made['id']}", json={**made, "status": "UPDATED", "comment": "left"})
    assert (changed["comment"], changed["indication"], changed["version"]) == ("left", "pain", 2)
    assert await records.ask("DELETE", f"/{made['id']}", 204) is None
    await records.ask("GET", f"/{made['id']}", 404)
    assert await records.ask("GET", f"/all/{patient}") == []


async def test_a_copy_of_a_template_has_its_workflows_and_tasks_and_inputs_of_its_own(records):
    template_id = await records.template()
    template = await records.ask("GET", f"/{template_id}")
    check([template], EXAM)
    assert template in await records.ask("GET", "/templates/all")
    copy = await records.ask("POST", f"/?template_id={template_id}", 201, json={"patient_id": PATIENT})
    check([copy], EXAM)
    [workflow] = copy["workflows"]
    scan, image = workflow["tasks"]
    assert (copy["is_template"], scan["is_template"], image["input_task_ids"]) == (False, False, [scan["id"]])
    assert scan["id"] != template["workflows"][0]["tasks"][0]["id"]
    whole = await records.ask("POST", f"?template_id={template_id}", 201, json=exam_of(name="hip"))
    assert (whole["name"], len(whole["workflows"])) == ("hip", 1)


@pytest.mark.parametrize(
    "wrong",
    [{"status": "FINISHED"}, {"patient_id": None}, {"is_template": True, "patient_id": PATIENT}, {"patient_id": "x"}],
)
async def test_a_new_exam_that_does_not_fit_is_a_400(records, wrong):
    await records.ask("POST", "/new", 400, json=exam_of() | wrong)


@pytest.mark.parametrize("missing", ["name", "description", "status", "is_template"])
async def test_an_exam_that_lacks_something_is_a_422(records, missing):
    fields = exam_of()
    del fields[missing]
    refused = await records.ask("POST", "/new", 422, json=fields)
    assert f"'{missing}'" in refused["detail"]


@pytest.mark.parametrize(
    "wrong",
    [{"status": "DONE"}, {"name": 3}, {"is_template": "perhaps"}, {"name": "x" * 257}, {"patient_id": "x", "name": 3}],
)
async def test_a_value_of_a_wrong_form_is_a_422(records, wrong):
    await records.ask("POST", "/new", 422, json=exam_of() | wrong)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"exam"'])
async def test_a_body_that_is_no_object_is_a_422(records, body):
    for verb, path in (("POST", "/new"), ("PUT", f"/{GONE}"), ("PUT", f"/result/{GONE}"), ("POST", "/task/new")):
        await records.ask(verb, path, 422, content=body)


@pytest.mark.parametrize("depth", [27, 33, 300, 2000])
async def test_a_body_that_is_nested_too_deeply_is_a_422(records, depth):
    tree = await records.tree()
    blank = await records.ask("POST", f"/result?task_id={tree.scan['id']}", 201)
    meta = f'{{"type": "MRD", "directory": "", "meta": {{"a": {"[" * depth}{"]" * depth}}}}}'
    await records.ask("PUT", f"/result/{blank['id']}", 422, content=meta)
    shallow = meta.replace("[" * depth, "[" * 20).replace("]" * depth, "]" * 20)
    await records.ask("PUT", f"/result/{blank['id']}", content=shallow)


async def test_a_copy_of_what_is_no_template_is_a_400_and_of_nothing_a_404(records):
    exam = await records.exam()
    await records.ask("POST", f"/?template_id={exam['id']}", 400, json={"patient_id": PATIENT})
    await records.ask("POST", f"/?template_id={GONE}", 404, json={"patient_id": PATIENT})
    await records.ask("POST", "/?template_id=x", 400)
    await records.ask("POST", "/", 422)
    await records.ask("POST", f"/?template_id={await records.template()}", 400)


async def test_nothing_becomes_new_again(records):
    tree = await records.tree()
    for path, record in ((tree.exam["id"], tree.exam), (f"workflow/{tree.workflow['id']}", tree.workflow)):
        await records.ask("PUT", f"/{path}", 403, json=record)
        assert (await records.ask("PUT", f"/{path}", json={**record, "status": "STARTED"}))["version"] == 2


# --- workflows ------------------------------------------------------------------------------------------------------


async def test_a_workflow_goes_its_way(records):
    exam = await records.exam()
    made = await records.workflow(exam)
    check([made], WORKFLOW)
    await records.scan(made)
    whole = await records.ask("GET", f"/workflow/{made['id']}")
    check([whole], WORKFLOW)
    assert [len(each["tasks"]) for each in await records.ask("GET", f"/workflow/all/{exam['id']}")] == [1]
    changed = await records.ask("PUT", f"/workflow/{made['id']}", json={**whole, "status": "UPDATED", "name": "n"})
    assert (changed["name"], len(changed["tasks"])) == ("n", 1)
    await records.ask("DELETE", f"/workflow/{made['id']}", 204)
    await records.ask("GET", f"/workflow/{made['id']}", 404)


async def test_a_workflow_is_copied_into_an_exam_or_as_a_template(records):
    template = await records.ask("POST", "/workflow/new", 201, json=workflow_of(is_template=True))
    scan = await records.scan(template)
    await records.dag(template, [scan])
    exam = await records.exam()
    path = f"/workflow?template_id={template['id']}"
    copy = await records.ask("POST", f"{path}&exam_id={exam['id']}&new_workflow_is_template=false", 201)
    check([copy], WORKFLOW)
    inputs = {task["id"]: task.get("input_task_ids") for task in copy["tasks"]}
    assert sorted(filter(None, inputs.values())) == [[each] for each in inputs if inputs[each] is None]
    alone = await records.ask("POST", f"{path}&new_workflow_is_template=true", 201)
    assert (alone["is_template"], len(alone["tasks"])) == (True, 2)
    listed = [each["id"] for each in await records.ask("GET", "/workflow/templates/all")]
    assert alone["id"] in listed
    assert copy["id"] not in listed
    await records.ask("POST", f"{path}&exam_id={GONE}", 404)
    await records.ask("POST", f"{path}&exam_id=x", 400)
    await records.ask("POST", path, 400)
    await records.ask("POST", f"{path}&exam_id={exam['id']}&new_workflow_is_template=true", 400)
    await records.ask("POST", f"{path}&exam_id={exam['id']}&new_workflow_is_template=perhaps", 422)
    await records.ask("POST", f"/workflow?exam_id={exam['id']}", 422)
    await records.ask("POST", f"/workflow?exam_id={exam['id']}&template_id={GONE}", 404)
    await records.ask("POST", f"/workflow?exam_id={exam['id']}&template_id={copy['id']}", 400)


@pytest.mark.parametrize("wrong", [{"exam_id": None}, {"exam_id": GONE}, {"exam_id": "x"}, {"status": "STARTED"}])
async def test_a_new_workflow_that_does_not_fit_is_a_400(records, wrong):
    exam = await records.exam()
    await records.ask("POST", "/workflow/new", 400, json=workflow_of(exam_id=exam["id"]) | wrong)
    await records.ask("POST", "/workflow/new", 400, json=workflow_of(exam_id=exam["id"], is_template=True))


# --- tasks ----------------------------------------------------------------------------------------------------------


async def test_a_scan_goes_its_way(records):
    tree = await records.tree()
    sent = scan_of(
        workflow_id=tree.workflow["id"],
        acquisition_limits=LIMITS,
        calibration=["shims", "flip-angle"],
        device_id=identity("device"),
        access_token="is passed over",
    )
    made = await records.ask("POST", "/task/new", 201, json=sent)
    check([made], SCAN)
    assert made["acquisition_limits"] == LIMITS
    assert await records.ask("GET", f"/task/{made['id'].upper()}") == made
    listed = await records.ask("GET", f"/task/all/{tree.workflow['id']}")
    assert [each["id"] for each in listed] == [tree.scan["id"], made["id"]]
    changed = await records.ask("PUT", f"/task/{made['id']}", json={**made, "progress": 50, "status": "INPROGRESS"})
    assert (changed["progress"], changed["status"], changed["calibration"]) == (50, "INPROGRESS", sent["calibration"])
    await records.ask("PUT", "/task/reorder", 204, json={"task_ids": [made["id"], tree.scan["id"]]})
    listed = await records.ask("GET", f"/task/all/{tree.workflow['id']}")
    assert [each["id"] for each in listed] == [made["id"], tree.scan["id"]]
    assert (await records.ask("GET", f"/{tree.exam['id']}"))["status"] == "INPROGRESS"
    await records.ask("DELETE", f"/task/{made['id']}", 204)
    await records.ask("GET", f"/task/{made['id']}", 404)


async def test_processing_takes_the_results_of_scans(records):
    tree = await records.tree()
    dag = await records.dag(tree.workflow, [tree.scan], parameter={"kernel": [3, 3]})
    check([dag], DAG)
    assert (dag["input_task_ids"], dag["parameter"]) == ([tree.scan["id"]], {"kernel": [3, 3]})
    await records.ask("PUT", f"/task/{dag['id']}", 400, json={**dag, "input_task_ids": [GONE]})
    await records.ask("PUT", f"/task/{dag['id']}", 400, json={**dag, "input_task_ids": ["x"]})


async def test_a_task_is_copied_into_a_workflow_or_as_a_template(records):
    template = await records.ask("POST", "/task/new", 201, json=scan_of(is_template=True))
    workflow = (await records.tree()).workflow
    path = f"/task?template_id={template['id']}"
    copy = await records.ask("POST", f"{path}&workflow_id={workflow['id']}&new_task_is_template=false", 201)
    check([copy], SCAN)
    assert (copy["status"], copy["progress"], copy["workflow_id"]) == ("NEW", 0, workflow["id"])
    alone = await records.ask("POST", f"{path}&new_task_is_template=true", 201)
    listed = [each["id"] for each in await records.ask("GET", "/task/templates/all")]
    assert alone["id"] in listed
    assert copy["id"] not in listed
    await records.ask("POST", f"{path}&workflow_id={GONE}", 404)
    await records.ask("POST", path, 400)
    await records.ask("POST", f"/task?template_id={GONE}&workflow_id={workflow['id']}", 404)
    await records.ask("POST", f"/task?template_id={copy['id']}&workflow_id={workflow['id']}", 400)


@pytest.mark.parametrize(
    "wrong",
    [{"workflow_id": None}, {"workflow_id": GONE}, {"workflow_id": "x"}, {"status": "STARTED"}, {"is_template": True}],
)
async def test_a_new_task_that_does_not_fit_is_a_400(records, wrong):
    workflow = (await records.tree()).workflow
    await records.ask("POST", "/task/new", 400, json=scan_of(workflow_id=workflow["id"]) | wrong)
    await records.ask("POST", "/task/new", 400, json=dag_of(workflow_id=workflow["id"]) | wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"task_type": "RECONSTRUCTION"},
        {"task_type": None},
        {"progress": 12.5},
        {"progress": 101},
        {"acquisition_parameter": {**FIELD_OF_VIEW, "fov_scaling": {"x": 1}}},
        {"acquisition_limits": {"patient_age": 40}},
        {"calibration": ["coffee"]},
        {"sequence_id": None},
    ],
)
async def test_a_task_of_a_wrong_form_is_a_422(records, wrong):
    tree = await records.tree()
    fields = scan_of(workflow_id=tree.workflow["id"]) | wrong
    await records.ask("POST", "/task/new", 422, json=fields)
    await records.ask("PUT", f"/task/{tree.scan['id']}", 422, json=fields)


async def test_a_task_without_a_type_is_a_422(records):
    await records.ask("POST", "/task/new", 422, json=task_of(sequence_id="s", acquisition_parameter=FIELD_OF_VIEW))


async def test_a_task_keeps_its_type_and_whether_it_is_a_template(records):
    tree = await records.tree()
    await records.ask("PUT", f"/task/{tree.scan['id']}", 400, json=dag_of(workflow_id=tree.workflow["id"]))
    await records.ask("PUT", f"/task/{tree.scan['id']}", 400, json={**tree.scan, "is_template": True})


async def test_what_is_left_out_of_a_change_stays_as_it_is(records):
    tree = await records.tree()
    scan = await records.scan(tree.workflow, position=7, calibration=["shims"], acquisition_limits=LIMITS)
    changed = await records.ask("PUT", f"/task/{scan['id']}", json=scan_of(name="other"))
    assert [changed[name] for name in ("name", "position", "calibration", "acquisition_limits", "workflow_id")] == [
        "other", 7, ["shims"], LIMITS, tree.workflow["id"],
    ]  # fmt: skip


async def test_an_order_that_names_something_else_changes_nothing(records):
    tree, other = await records.tree(), await records.tree()
    for ids in ([GONE], [tree.scan["id"], other.scan["id"]], [tree.scan["id"]] * 2, ["x"], []):
        await records.ask("PUT", "/task/reorder", 400, json={"task_ids": ids})
    await records.ask("PUT", "/task/reorder", 422, json={"task_ids": tree.scan["id"]})


async def test_the_queue_owns_a_task_whose_item_is_active(records, manager):
    tree = await records.tree()
    uid = await give_item(manager, tree.scan, "running", status="INPROGRESS", progress=40)
    task = await records.ask("GET", f"/task/{uid}")
    assert (task["id"], task["item_uid"], task["item_state"]) == (tree.scan["id"], uid, "running")
    await records.ask("DELETE", f"/task/{task['id']}", 409)
    await records.ask("DELETE", f"/workflow/{tree.workflow['id']}", 409)
    await records.ask("DELETE", f"/{tree.exam['id']}", 409)
    for change in ({"progress": 41}, {"status": "FINISHED"}):
        await records.ask("PUT", f"/task/{uid}", 409, json={**task, **change})
    renamed = await records.ask("PUT", f"/task/{uid}", json={**task, "name": "renamed"})
    assert (renamed["name"], renamed["progress"]) == ("renamed", 40)


# --- results --------------------------------------------------------------------------------------------------------


async def test_a_result_goes_its_way(records, manager):
    scan = (await records.tree()).scan
    uid = await give_item(manager, scan, "done", status="FINISHED", progress=100)
    blank = await records.ask("POST", f"/result?task_id={uid}", 201)
    check([blank], RESULT)
    assert [blank[name] for name in ("type", "directory", "files", "meta")] == ["NOT_SET", "", [], None]
    given = {"type": "MRD", "directory": "w/t/r", "files": ["scan.mrd"], "meta": {"shots": 8}, "task_id": GONE}
    changed = await records.ask("PUT", f"/result/{blank['id']}", json=given)
    assert {name: changed[name] for name in given} == given | {"task_id": scan["id"]}
    assert await records.ask("GET", f"/result/{blank['id']}") == changed
    assert await records.ask("GET", f"/result/all/{scan['id']}") == [changed]
    assert (await records.ask("GET", f"/task/{scan['id']}"))["results"] == [changed]
    await records.ask("DELETE", f"/result/{blank['id']}", 204)
    assert await records.ask("GET", f"/result/all/{scan['id']}") == []


async def test_a_result_needs_a_task_that_is_no_template(records):
    template = await records.ask("POST", "/task/new", 201, json=scan_of(is_template=True))
    await records.ask("POST", f"/result?task_id={template['id']}", 400)
    await records.ask("POST", f"/result?task_id={GONE}", 404)
    await records.ask("POST", "/result?task_id=x", 400)
    await records.ask("POST", "/result", 422)


@pytest.mark.parametrize(
    "wrong", [{"type": "PNG"}, {"files": "scan.mrd"}, {"files": ["../scan.mrd"]}, {"directory": None}]
)
async def test_a_result_of_a_wrong_form_is_a_422(records, wrong):
    blank = await records.ask("POST", f"/result?task_id={(await records.tree()).scan['id']}", 201)
    given = {"type": "MRD", "directory": "", "files": []}
    await records.ask("PUT", f"/result/{blank['id']}", 422, json=given | wrong)
    assert (await records.ask("GET", f"/result/{blank['id']}"))["version"] == 1


# --- sequences ------------------------------------------------------------------------------------------------------

FIELDS = {"name": "spin echo", "description": "d", "sequence_type": "pulseq"}


async def test_a_sequence_goes_its_way(records, place):
    files = {"seq_file": ("a.seq", b"[VERSION]\n\xc2\xb5"), "xml_file": ("a.xml", b"<ismrmrdHeader/>")}
    made = await records.ask("POST", "/sequence", 201, data={**FIELDS, "tags": ["knee", "fast, 3d"]}, files=files)
    assert set(made) == SEQUENCE
    assert (made["_id"], made["tags"], made["seq_file_extension"]) == (made["id"], ["knee", "fast", "3d"], ".seq")
    assert await records.ask("GET", f"/sequence/{made['_id']}") == made
    assert (made["seq_file"], made["xml_file"]) == ("[VERSION]\n\u00b5", "<ismrmrdHeader/>")
    listed = [each for each in await records.ask("GET", "/sequences/all") if each["_id"] == made["_id"]]
    assert listed == [made | {"seq_file": None, "xml_file": None}]
    for part, content in (("file", files["seq_file"][1]), ("header", files["xml_file"][1])):
        answer = await place[1].get(f"/api/v1/exam/sequence/{made['_id']}/{part}")
        assert (answer.status_code, answer.content) == (200, content)
    await records.ask("DELETE", f"/sequence/{made['_id']}", 204)
    await records.ask("GET", f"/sequence/{made['_id']}", 404)
    await records.ask("GET", f"/sequence/{made['_id']}/file", 404)


async def test_a_sequence_that_is_no_text_is_kept_as_text_that_says_so(records, place):
    data = bytes(range(256))
    made = await records.ask("POST", "/sequence", 201, data=FIELDS, files={"seq_file": ("a.bin", data)})
    assert (made["tags"], made["xml_file"], made["seq_file"][:4]) == (["base64"], None, "AAEC")
    answer = await place[1].get(f"/api/v1/exam/sequence/{made['_id']}/file")
    assert answer.content == data
    await records.ask("GET", f"/sequence/{made['_id']}/header", 404)


async def test_a_sequence_may_be_sent_as_a_text_of_the_form(records):
    made = await records.ask("POST", "/sequence", 201, data={**FIELDS, "seq_file": "[VERSION]", "xml_file": "<x/>"})
    assert [made[name] for name in ("seq_file", "xml_file", "seq_file_extension", "xml_file_extension", "tags")] == [
        "[VERSION]", "<x/>", ".seq", ".xml", [],
    ]  # fmt: skip


async def test_a_form_with_too_many_parts_is_a_422(records):
    await records.ask("POST", "/sequence", 422, data=FIELDS, files=[("seq_file", ("a", b"x"))] * 3)
    await records.ask("POST", "/sequence", 422, data={**FIELDS, "tags": ["x"] * 200}, files={"seq_file": b"x"})
    broken = {"content": b"--x\r\nbroken", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}
    await records.ask("POST", "/sequence", 422, **broken)


async def test_the_file_of_a_sequence_with_the_tag_of_somebody_else_is_as_it_was_sent(records, place):
    form = {**FIELDS, "seq_file": "no base64!", "tags": "base64"}
    made = await records.ask("POST", "/sequence", 201, data=form)
    answer = await place[1].get(f"/api/v1/exam/sequence/{made['_id']}/file")
    assert answer.content == b"no base64!"
    assert made["_id"] in answer.headers["content-disposition"]


async def test_a_sequence_of_a_wrong_form_is_a_422_and_one_too_large_a_413(records):
    file = {"seq_file": ("a.seq", b"x")}
    for name in FIELDS:
        await records.ask("POST", "/sequence", 422, data={**FIELDS, name: []}, files=file)
    await records.ask("POST", "/sequence", 422, data=FIELDS)
    await records.ask("POST", "/sequence", 422, json=FIELDS)
    await records.ask("POST", "/sequence", 422, data=FIELDS, files={**file, "xml_file": ("a.xml", b"\xff")})
    await records.ask("POST", "/sequence", 413, data=FIELDS, files={"seq_file": ("a.seq", b"x" * 4_194_305)})
    await records.ask("POST", "/sequence", 413, data=FIELDS, files={"seq_file": ("a.seq", b"x" * 5_000_000)})
    before = await records.ask("GET", "/sequences/all")
    assert all(each["seq_file_extension"] != ".xml" for each in before)


# --- everywhere -----------------------------------------------------------------------------------------------------

NAMED = {
    "": exam_of(status="STARTED"),
    "/workflow": workflow_of(status="STARTED"),
    "/task": scan_of(),
    "/result": {"type": "MRD", "directory": ""},
}


@pytest.mark.parametrize("part", NAMED)
async def test_a_malformed_id_is_a_400_and_an_unknown_one_a_404(records, part):
    for text, status in (("x", 400), (GONE, 404), (f"{GONE}0", 400)):
        await records.ask("GET", f"{part}/{text}", status)
        await records.ask("PUT", f"{part}/{text}", status, json=NAMED[part])
        await records.ask("DELETE", f"{part}/{text}", status)


@pytest.mark.parametrize(
    "path", ["/workflow/all/{}", "/task/all/{}", "/result/all/{}", "/sequence/{}", "/sequence/{}/header"]
)
async def test_a_malformed_id_of_something_to_be_listed_is_a_400_and_an_unknown_one_a_404(records, path):
    await records.ask("GET", path.format("x"), 400)
    await records.ask("GET", path.format(GONE), 404)


async def test_a_change_that_is_based_on_another_version_is_a_412(records):
    tree = await records.tree()
    blank = await records.ask("POST", f"/result?task_id={tree.scan['id']}", 201)
    for path, sent in (
        (f"/{tree.exam['id']}", {**tree.exam, "status": "STARTED"}),
        (f"/workflow/{tree.workflow['id']}", {**tree.workflow, "status": "STARTED"}),
        (f"/task/{tree.scan['id']}", {**tree.scan, "status": "STARTED"}),
        (f"/result/{blank['id']}", {**blank, "type": "MRD"}),
    ):
        for version in ('"2"', "2", "x", '"0"', '"abc"'):
            await records.ask("PUT", path, 412, json=sent, headers={"If-Match": version})
        changed = await records.ask("PUT", path, json=sent, headers={"If-Match": '"1"'})
        assert changed["version"] == 2
        await records.ask("DELETE", path, 412, headers={"If-Match": "1"})
        assert (await records.ask("PUT", path, json=sent, headers={"If-Match": "*"}))["version"] == 2
    await records.ask("DELETE", f"/task/{tree.scan['id']}", 204, headers={"If-Match": "2"})


async def test_what_has_the_same_key_is_done_once(records):
    patient = identity("patient of a key")
    headers = {"Idempotency-Key": "one exam"}
    sent = exam_of(patient_id=patient)
    first = await records.ask("POST", "/new", 201, json=sent, headers=headers)
    assert await records.ask("POST", "/new", 201, json=sent, headers=headers) == first
    assert len(await records.ask("GET", f"/all/{patient}")) == 1
    await records.ask("POST", "/new", 409, json=sent | {"name": "hip"}, headers=headers)


async def test_a_list_is_whole_however_long_it_is(records, manager):
    tree = await records.tree()
    await multiply(manager, tree.scan, 505)
    listed = await records.ask("GET", f"/task/all/{tree.workflow['id']}")
    assert len({each["id"] for each in listed}) == 506
    # A tree is one answer, and has an end.
    await records.ask("GET", f"/{tree.exam['id']}", 409)


async def test_it_is_told_without_a_token_whether_the_records_can_be_served(records, manager, place):
    client = place[1]
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer wrong"}):
        answer = await client.get("/api/v1/exam/health/readiness", headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_a_manager_that_is_silent_is_a_503(tmp_path):
    async with exam_gateway(tmp_path, timeout_s=0.2) as (manager, client):
        records, manager.is_silent = Records(client), True
        await records.ask("GET", f"/{GONE}", 503)
        await records.ask("POST", "/new", 503, json=exam_of())
        await records.ask("GET", "/health/readiness", 503, headers={"Authorization": ""})
