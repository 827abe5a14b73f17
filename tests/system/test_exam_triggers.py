"""An exam on a whole system: its scan and its reconstruction are triggered, followed, and end with their files."""

from __future__ import annotations

import asyncio
import io
import threading

import httpx
import numpy as np
import pytest

from device_worker.remote import Credentials
from device_worker.remote import Scanner as KitScanner
from device_worker.sim.phantom import make_kspace
from tests.doubles.exam_records import dag_fields, exam_fields, scan_fields
from tests.processes.scanners import Fleet
from tests.processes.system import copy_startup
from tests.processes.waiting import wait_until

pytestmark = pytest.mark.timeout(400)

PATIENCE_S = 90
SIZE, COILS = 16, 2


class PatientFleet(Fleet):
    """A scanner that stops in the middle until it is told to go on, and then brings the k-space of a phantom."""

    go_on = threading.Event()

    async def serve_one(self, credentials):
        """Be the scanner until cancelled."""
        await KitScanner(self.url, credentials, self._carry_out).serve()

    async def _carry_out(self, scan):
        self.begun[scan.id] += 1
        scan.progress(40)
        await asyncio.to_thread(self.go_on.wait, PATIENCE_S)
        content = io.BytesIO()
        np.save(content, make_kspace(SIZE, COILS, 0.01, 0))
        await scan.upload("kspace.npy", content.getvalue())


@pytest.fixture
def system(make_system, tmp_path):
    """A system with a gateway, and a lane of graphs."""
    compute = {"startup": "sim", "worker": "graphs", "processes": 1, "memory_limit_mib": 512}
    return make_system(
        startup=copy_startup(tmp_path / "startup"), http="127.0.0.1:0", lanes={"compute": compute}
    ).start()


def trigger(system, task):
    """Trigger an exam task as clients of ScanHub do; return what is answered."""
    key = (system.data / "api-key").read_text().strip()
    url = f"{system.ready['http']}/api/v1/workflowmanager/trigger_task/{task['id']}/"
    answer = httpx.post(url, headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False)
    assert answer.status_code == 202, answer.text
    return answer.json()


def open_graphs(ask):
    """Open the lane of graphs; from then on its graphs are known."""
    ask.do("environment_open", lane="compute")

    def is_open():
        return any(lane["lane"] == "compute" and lane["worker_state"] == "idle" for lane in ask.status()["lanes"])

    wait_until(is_open, "an open lane of graphs", PATIENCE_S)


def make_exam(ask, device_id):
    """Make an exam with a scan, and the reconstruction of what it brings; return its id and both exam tasks."""
    sequence = ask.do("exam_sequence_add", sequence={"name": "spin echo"}, seq_file="[VERSION]")["sequence"]
    exam = ask.do("exam_add", exam=exam_fields())["exam"]
    workflow = ask.do("exam_workflow_add", workflow={"name": "brain", "exam_id": exam["id"]})["workflow"]
    common = {"workflow_id": workflow["id"]}
    scan = scan_fields(device_id=device_id, sequence_id=sequence["id"], **common)
    scan = ask.do("exam_task_add", task=scan)["task"]
    wanted = {"kspace": {"input": 0, "file": "*.npy"}, "keep_coils": True}
    image = dag_fields(dag_id="reconstruct_image", input_task_ids=[scan["id"]], parameter=wanted, **common)
    return exam["id"], scan, ask.do("exam_task_add", task=image)["task"]


def test_a_scan_and_its_reconstruction_are_followed_to_the_image(system):
    ask = system.requester
    open_graphs(ask)
    device = ask.do("device_create", name="MR 1", description="low field")
    exam_id, scan, image = make_exam(ask, device["device_id"])

    def seen(task):
        found = ask.do("exam_task_get", task_id=task["id"])["task"]
        return found["status"], found["progress"]

    first, second = trigger(system, scan), trigger(system, image)
    assert (first["device_status"], second["lane"]) == ("OFFLINE", "compute")
    ask.do("queue_start", lane="compute")
    credentials = Credentials(device["device_id"], device["device_token"])
    url = system.ready["http"].replace("http", "ws", 1) + "/api/v1/device/ws"
    with PatientFleet(url, [credentials]).running() as fleet:
        wait_until(lambda: seen(scan) == ("INPROGRESS", 40), "progress of the scan", PATIENCE_S)
        assert seen(image) == ("STARTED", 0)
        fleet.go_on.set()
        wait_until(lambda: seen(scan) == ("FINISHED", 100), "the end of the scan", PATIENCE_S)
        wait_until(lambda: seen(image) == ("FINISHED", 100), "the end of the reconstruction", PATIENCE_S)
    results = ask.do("exam_task_get", task_id=image["id"])["task"]["results"]
    assert [(each["type"], each["files"]) for each in results] == [
        ("NUMPY", ["image.npy"]),
        ("NOT_SET", ["image.png"]),
        ("CALIBRATION", ["metrics.json"]),
        ("NUMPY", [f"coils/{coil}.npy" for coil in range(COILS)]),
    ]
    found = results[0]["meta"]["artifacts"]["image.npy"]["artifact_id"]
    assert np.load(system.data / "artifacts" / found[:2] / found).shape == (SIZE, SIZE)
    assert ask.do("exam_get", exam_id=exam_id)["exam"]["status"] == "FINISHED"
