"""Recorded runs in a whole system: what a plan has emitted is read over HTTP and by the command, also after a death."""

from __future__ import annotations

import csv
import io

import httpx
import pyarrow as pa
import pytest

from queue_server.cli.main import run
from queue_server.client.run_file import read_documents
from tests.doubles.gateway import NO_AUTHORITY
from tests.processes.system import System
from tests.processes.waiting import kill, wait_until

STARTUP = '''
import os
import time

from bluesky import RunEngine
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp

RE = RunEngine({})


class Camera:
    """Takes pictures of two by three pixels."""

    name, parent, hints = "camera", None, {}

    def describe(self):
        picture = {"source": "made up", "dtype": "array", "shape": [2, 3], "dtype_numpy": "<u2"}
        return {"picture": picture, "counts": {"source": "made up", "dtype": "integer", "shape": []}}

    def describe_configuration(self):
        return {}

    def read_configuration(self):
        return {}

    def read(self):
        self.taken += 1
        picture = [[self.taken, 2, 3], [4, 5, 60_000]]
        values = {"picture": picture, "counts": self.taken}
        return {name: {"value": value, "timestamp": time.time()} for name, value in values.items()}


camera = Camera()


def measure(num: int, gate: str = ""):
    """Take pictures; then last until the file `gate` exists, if one is named."""
    camera.taken = 0

    @bpp.run_decorator(md={"plan_name": "measure"})
    def inner():
        for _ in range(num):
            yield from bps.trigger_and_read([camera])
        while gate and not os.path.exists(gate):
            yield from bps.sleep(0.02)

    yield from inner()
'''


@pytest.fixture
def system(tmp_path):
    """A system with a gateway and a plan that takes pictures."""
    startup = tmp_path / "startup"
    startup.mkdir()
    (startup / "pictures.py").write_text(STARTUP)
    system = System(tmp_path, startup=startup, http="127.0.0.1:0")
    yield system.start()
    system.close()


@pytest.fixture
def get(system):
    """Get a path from the gateway."""
    headers = {"Authorization": f"ApiKey {(system.data / 'api-key').read_text().strip()}"}

    def ask(path, **query):
        address = f"{system.ready['http']}/v1{path}"
        return httpx.get(address, params=query, headers=headers, timeout=20, trust_env=False, verify=NO_AUTHORITY)

    return ask


def only_run(ask):
    """Return the only run of the index."""
    [run] = ask.do("run_list")["runs"]
    return run


def test_a_run_is_read_as_it_was_recorded_also_when_the_history_is_cleared(system, get, capsys):
    ask = system.requester
    ask.open()
    uid = ask.add("measure", 3)
    ask.do("queue_start")
    ask.wait_for(lambda status: status["items_in_history"] == 1, "the end of the plan")
    ask.do("history_clear")

    run_row = only_run(ask)
    assert (run_row["item_uid"], run_row["plan_name"], run_row["scan_id"]) == (uid, "measure", 1)
    assert (run_row["exit_status"], run_row["num_events"], run_row["host"]) == ("success", {"primary": 3}, "")
    assert run_row["time_start"] < run_row["time_stop"]
    assert get("/runs/list", item_uid=uid).json()["runs"] == [run_row]

    file = system.data / run_row["file"]
    documents = list(read_documents(file))
    assert [name for name, _ in documents] == ["start", "descriptor", *["event"] * 3, "stop"]
    assert get(f"/runs/{run_row['uid']}/documents").content == file.read_bytes()
    rows = list(csv.DictReader(io.StringIO(get(f"/runs/{run_row['uid']}/table").text)))
    assert [row["counts"] for row in rows] == ["1", "2", "3"]
    table = pa.ipc.open_file(io.BytesIO(get(f"/runs/{run_row['uid']}/table", format="arrow").content)).read_all()
    assert table.column("picture").to_pylist()[2] == [[3, 2, 3], [4, 5, 60_000]]
    assert table.schema.field("picture").type == pa.list_(pa.list_(pa.uint16(), 3), 2)

    words = ["runs", "documents", run_row["uid"], "--data", str(system.data), "--control", system.ready["control"]]
    assert run(words) == 0
    assert capsys.readouterr().out == file.read_text()


def test_a_run_whose_worker_was_killed_is_there_as_far_as_it_came(system, get, tmp_path):
    ask = system.requester
    ask.open()
    ask.add("measure", 2, str(tmp_path / "gate"))
    ask.do("queue_start")
    ask.wait_for_runs()
    run_row = only_run(ask)
    assert run_row["is_open"] is True
    file = system.data / run_row["file"]
    wait_until(lambda: len(list(read_documents(file))) == 4, "both events in the file", 20)
    kill(system.worker_pid)
    ask.wait_for(lambda status: status["items_in_history"] == 1, "the end of the attempt", 20)
    run_row = only_run(ask)
    assert (run_row["is_open"], run_row["exit_status"]) == (False, None)
    assert [name for name, _ in read_documents(file)] == ["start", "descriptor", "event", "event"]
    rows = list(csv.DictReader(io.StringIO(get(f"/runs/{run_row['uid']}/table").text)))
    assert [row["counts"] for row in rows] == ["1", "2"]
