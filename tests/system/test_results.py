"""Metrics and files of a plan, on their way from the plan to whoever asks for them, in a whole system."""

from __future__ import annotations

import pytest

from queue_server.artifacts.store import open_artifacts
from tests.processes.requester import USER
from tests.processes.system import System, copy_startup
from tests.processes.waiting import kill, wait_until

PLANS = """
from device_worker.outputs import output_directory

def measure(width: float, gate: str = ""):
    "Write down the width of a line, and wait until there is a file `gate` if that is named."

    @bpp.run_decorator(md={})
    def inner():
        yield from bps.checkpoint()
        (output_directory() / "fit.json").write_text(json.dumps({"fit": {"width": width}}))
        (output_directory() / "notes.txt").write_text("as expected")
        while gate and not os.path.exists(gate):
            yield from bps.sleep(0.02)

    yield from inner()
"""
SCHEMA = {
    "file": "fit.json",
    "columns": [
        {"name": "width", "dtype": "float", "path": "fit/width"},
        {"name": "status", "dtype": "string", "stop": "exit_status"},
    ],
}


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """A system whose environment is open."""
    directory = tmp_path_factory.mktemp("system")
    startup = copy_startup(directory / "startup")
    (startup / "01-measure.py").write_text(PLANS)
    system = System(directory, startup=startup)
    try:
        ask = system.start().requester
        ask.do("environment_open")
        ask.wait_for(lambda status: status["worker_environment_exists"], "an open environment", 60)
        yield system
    finally:
        system.close()


@pytest.fixture
def run(system):
    """Add a plan, run it, and return its result."""

    def run(**item):
        ask = system.requester
        plan = {"item_type": "plan", "name": "measure", "kwargs": {"width": 2.5}, **item}
        uid = ask.do("queue_item_add", item=plan, **USER)["item"]["item_uid"]
        before = ask.status()["items_in_history"]
        ask.do("queue_start")
        ask.wait_for(lambda status: status["items_in_history"] > before, "the end of the plan", 60)
        return ask.do("result_get", item_uid=uid)["result"]

    return run


def test_metrics_and_files_of_a_plan_can_be_asked_for(system, run):
    result = run(result_schema=SCHEMA)
    assert (result["outcome"], result["metrics_error"]) == ("completed", "")
    assert result["metrics"] == {"width": 2.5, "status": "success"}
    store = open_artifacts(system.data)
    files = {file["name"]: store.locate(file["artifact_id"]).read_text() for file in result["files"]}
    assert sorted(files) == ["fit.json", "metrics.json", "notes.txt"]
    assert files["notes.txt"] == "as expected"
    # Nothing stays where the plan has written.
    assert list((system.data / "workers" / "outputs" / "default").iterdir()) == []


def test_only_declared_files_are_kept_and_a_failed_extraction_is_told(run):
    wrong = {"columns": [{"name": "x", "dtype": "float", "field": "det"}]}
    result = run(result_schema=wrong, outputs=["notes.txt"])
    assert (result["outcome"], result["metrics"]) == ("completed", {})
    assert result["metrics_error"] == "Column 'x': no run has a stream 'primary'."
    assert [file["name"] for file in result["files"]] == ["notes.txt"]


def test_what_a_plan_has_written_stays_when_its_worker_is_killed(system):
    ask = system.requester
    item = {"item_type": "plan", "name": "measure", "kwargs": {"width": 1.5, "gate": str(system.data / "never")}}
    uid = ask.do("queue_item_add", item=item, **USER)["item"]["item_uid"]
    before = ask.status()["items_in_history"]
    ask.do("queue_start")
    notes = system.data / "workers" / "outputs" / "default" / f"{uid}.1" / "notes.txt"
    wait_until(lambda: notes.exists() and notes.read_text(), "the file of the plan", 60)
    kill(system.worker_pid)
    ask.wait_for(lambda status: status["items_in_history"] > before, "the end of the attempt", 60)
    result = ask.do("result_get", submission_id=uid, attempt=1)["result"]
    assert (result["outcome"], result["files"], result["metrics"]) == ("unknown", [], {})
    assert notes.read_text() == "as expected"
