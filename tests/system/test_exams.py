"""Exam records in a whole system: over the native routes and the control socket, over a death, and in a backup."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from queue_server.supervisor import stop
from tests.doubles.exam_records import PATIENT, dag_fields, exam_fields, scan_fields
from tests.processes.requester import USER
from tests.processes.system import System, copy_startup
from tests.processes.waiting import wait_until


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A system with a gateway, for all tests."""
    directory = tmp_path_factory.mktemp("system")
    system = System(directory, startup=copy_startup(directory / "startup"), http="127.0.0.1:0")
    yield system.start()
    system.close()


@pytest.fixture
def system(running):
    """The same without exams."""
    ask = running.requester
    for templates in (False, True):
        for exam in ask.do("exam_list", templates=templates)["exams"]:
            ask.do("exam_remove", exam_id=exam["id"], **USER)
    return running


@pytest.fixture
def template(client):
    """A template with a scan and the reconstruction of its result."""
    exam = client("POST", "/exams", exam=exam_fields(is_template=True))["exam"]
    fields = {"name": "overview", "exam_id": exam["id"], "is_template": True}
    workflow = client("POST", "/exams/workflows", workflow=fields)["workflow"]
    common = {"workflow_id": workflow["id"], "is_template": True}
    scan = client("POST", "/exams/tasks", task=scan_fields(**common))["task"]
    client("POST", "/exams/tasks", task=dag_fields(input_task_ids=[scan["id"]], position=1, **common))
    return exam["id"]


def offline(system, *words):
    """Run a command that works without a manager; return what it prints as JSON."""
    command = [sys.executable, "-m", "queue_server.cli", *words, "--data", str(system.data), "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def is_answered(client, path):
    """Whether the gateway has a manager to ask."""
    try:
        client("GET", path)
    except AssertionError:
        return False
    return True


def test_an_exam_goes_its_way_over_the_native_routes_and_survives_the_death_of_the_manager(system, client, template):
    key = {"Idempotency-Key": "one exam"}
    given = {"template_id": template, "exam": {"patient_id": PATIENT}}
    exam = client("POST", "/exams:copy", headers=key, **given)["exam"]
    assert client("POST", "/exams:copy", headers=key, **given)["exam"] == exam
    tree = client("GET", "/exam", exam_id=exam["id"])["exam"]
    [workflow] = tree["workflows"]
    scan, image = workflow["tasks"]
    assert image["input_task_ids"] == [scan["id"]]

    change = {"task_id": scan["id"], "task": {"status": "FINISHED", "progress": 100}}
    assert client("POST", "/exams/task:update", if_version=1, **change)["task"]["version"] == 2
    stale = client("POST", "/exams/task:update", 412, if_version=1, **change)
    assert stale["details"] == {"version": 2}
    given = {"type": "MRD", "files": ["scan.mrd"]}
    result = client("POST", "/exams/results", task_id=scan["id"], result=given)["result"]
    sequence = client("POST", "/exams/sequences", sequence={"name": "s"}, seq_file="x" * 3_000_000)["sequence"]
    client("POST", "/exams", 422, exam={"name": "nobody"})
    client("GET", "/exams/task", 404, task_id=PATIENT)

    before = client("GET", "/exam", exam_id=exam["id"])
    assert before["exam"]["workflows"][0]["tasks"][0]["results"] == [result]
    system.kill_manager()
    system.wait_ready(2)
    wait_until(lambda: is_answered(client, "/exams"), "a manager that answers")
    assert client("GET", "/exam", exam_id=exam["id"]) == before
    whole = client("GET", "/exams/sequence", sequence_id=sequence["id"], files=True)["sequence"]
    assert len(whole["seq_file"]) == 3_000_000

    page = client("GET", "/exams", limit=1, templates=True)
    assert ([each["id"] for each in page["exams"]], page["next_cursor"]) == ([template], None)
    asked = system.requester.do("events_get", kind="exam_copy")["events"]
    assert [event["data"]["exam_id"] for event in asked] == [exam["id"]]


def test_whoever_speaks_to_the_manager_itself_has_the_same_records(system, client, template):
    ask = system.requester
    exam = ask.do("exam_copy", template_id=template, exam={"patient_id": PATIENT}, **USER)["exam"]
    assert exam["creator"] == USER["user"]
    assert client("GET", "/exams", patient_id=PATIENT)["exams"] == [exam]
    client("POST", "/exam:remove", exam_id=exam["id"])
    assert ask.do("exam_list")["exams"] == []


def test_exam_records_are_checked_and_come_back_with_a_backup(system, client, template):
    made = offline(system, "backup")
    client("POST", "/exam:remove", exam_id=template)
    assert stop(system.data, workers=True) == 0
    system.end()
    assert offline(system, "verify")["faults"] == []
    offline(system, "restore", made["file"])
    system.start()
    assert client("GET", "/exam", exam_id=template)["exam"]["workflows"][0]["tasks"][1]["name"] == "image"
