"""Results of exam tasks, and sequences with their files."""

from __future__ import annotations

import pytest

from queue_server.protocol.exam_records import LONGEST_RECORD_BYTES, LONGEST_SEQUENCE_BYTES
from tests.doubles.exam_records import identity


@pytest.fixture
async def result(bench, scan):
    """A blank result of the scan."""
    return (await bench.do("exam_result_add", task_id=scan["id"], user="scanner"))["result"]


async def test_a_result_is_blank_unless_something_is_known(bench, scan, result):
    blank = {"task_id": scan["id"], "type": "NOT_SET", "directory": "", "files": [], "meta": None}
    assert {name: result[name] for name in blank} == blank
    known = {"type": "MRD", "directory": "a/b", "files": ["scan.mrd"], "meta": {"sha256": "00"}}
    other = (await bench.do("exam_result_add", task_id=scan["id"], result=known))["result"]
    assert {name: other[name] for name in known} == known
    assert (await bench.do("exam_result_list", task_id=scan["id"]))["results"] == [result, other]
    assert (await bench.do("exam_task_get", task_id=scan["id"]))["task"]["results"] == [result, other]


async def test_results_are_listed_in_pages(bench, scan):
    ids = [(await bench.do("exam_result_add", task_id=scan["id"]))["result"]["id"] for _ in range(3)]
    page = await bench.do("exam_result_list", task_id=scan["id"], limit=2)
    rest = await bench.do("exam_result_list", task_id=scan["id"], limit=2, cursor=page["next_cursor"])
    assert [each["id"] for each in page["results"] + rest["results"]] == ids
    assert rest["next_cursor"] is None
    assert (await bench.refuse("exam_result_list", task_id="gone"))["error"]["code"] == "not_found"


async def test_a_template_has_no_results(bench, template):
    task = (await bench.do("exam_task_list", templates=True))["tasks"][0]
    refused = await bench.refuse("exam_result_add", task_id=task["id"])
    assert (refused["error"]["code"], refused["error"]["details"]["field"]) == ("invalid_parameter", "task_id")
    assert (await bench.refuse("exam_result_add", task_id=identity("gone")))["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"type": "PNG"}, "result.type"),
        ({"files": ["../etc/passwd"]}, "result.files.0"),
        ({"files": ["a\\..\\b"]}, "result.files.0"),
        ({"files": ["ok", "/absolute"]}, "result.files.1"),
        ({"files": ["a\nb"]}, "result.files.0"),
        ({"files": [""]}, "result.files.0"),
        ({"meta": "text"}, "result.meta"),
        ({"task_id": identity("other")}, "result.task_id"),
    ],
)
async def test_a_wrong_change_is_refused(change, named, bench, scan, result):
    refused = await bench.refuse("exam_result_update", result_id=result["id"], result=change)
    assert refused["error"]["details"]["field"] == named
    assert (await bench.do("exam_result_get", result_id=result["id"]))["result"] == result
    refused = await bench.refuse("exam_result_add", task_id=scan["id"], result=change)
    assert refused["error"]["details"]["field"] == named


async def test_a_result_is_changed_by_version_and_removed(bench, result):
    uid = result["id"]
    changed = await bench.do("exam_result_update", result_id=uid, result={"type": "DICOM"}, if_version=1)
    assert (changed["result"]["type"], changed["result"]["version"]) == ("DICOM", 2)
    for method, more in (("exam_result_update", {"result": {"type": "MRD"}}), ("exam_result_remove", {})):
        refused = await bench.refuse(method, result_id=uid, if_version=1, **more)
        assert refused["error"] == {"code": "stale", "details": {"version": 2}}
    await bench.do("exam_result_remove", result_id=uid, if_version=2)
    assert (await bench.refuse("exam_result_get", result_id=uid))["error"]["code"] == "not_found"


async def test_what_is_too_large_belongs_into_files(bench, result):
    meta = {"text": "x" * LONGEST_RECORD_BYTES}
    refused = await bench.refuse("exam_result_update", result_id=result["id"], result={"meta": meta})
    assert f"at most {LONGEST_RECORD_BYTES}" in refused["msg"]


async def test_a_sequence_is_read_with_its_files_or_without(bench):
    given = {"name": "spin echo", "sequence_type": "pulseq", "tags": ["knee"]}
    files = {"seq_file": "[VERSION]\nmajor 1\n", "xml_file": "<header/>"}
    sequence = (await bench.do("exam_sequence_add", sequence=given, **files, user="anna"))["sequence"]
    assert {name: sequence[name] for name in given} == given
    assert sequence["creator"] == "anna"
    assert (await bench.do("exam_sequence_get", sequence_id=sequence["id"]))["sequence"] == sequence
    whole = (await bench.do("exam_sequence_get", sequence_id=sequence["id"], files=True))["sequence"]
    assert whole == {**sequence, **files}
    assert (await bench.do("exam_sequence_list"))["sequences"] == [sequence]
    await bench.do("exam_sequence_remove", sequence_id=sequence["id"])
    assert (await bench.do("exam_sequence_list"))["sequences"] == []
    for method in ("exam_sequence_get", "exam_sequence_remove"):
        assert (await bench.refuse(method, sequence_id=sequence["id"]))["error"]["code"] == "not_found"


async def test_files_of_a_sequence_have_a_limit_in_bytes(bench):
    given = {"sequence": {"name": "large"}, "seq_file": "é" * (LONGEST_SEQUENCE_BYTES // 2)}
    assert "4194305 bytes" in (await bench.refuse("exam_sequence_add", **given, xml_file="x"))["msg"]
    assert (await bench.do("exam_sequence_list"))["sequences"] == []
    assert await bench.told() == []
    await bench.do("exam_sequence_add", **given)
