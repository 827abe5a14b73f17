"""Real process variables: an ophyd and an ophyd-async device on a soft IOC, driven by plans of the queue."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import zmq

from queue_server.cli.demo.soft_ioc import SoftIoc
from queue_server.cli.failures import OperationFailedError
from queue_server.protocol.device_values import read_values, values_topic
from tests.processes.system import System
from tests.processes.waiting import processes_of, wait_for_end, wait_until

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config" / "epics"
STARTUP = EXAMPLE / "startup"
PREFIX = "TEST:"
AXES = [f"{PREFIX}X", f"{PREFIX}Y"]
POSITIONS = [f"{axis}:READBACK" for axis in AXES]
AT_REST = [f"{axis}:DONE" for axis in AXES]
MOVES = [f"{axis}:MOVES" for axis in AXES]
TRACE = f"{PREFIX}DIODE:TRACE"


class Documents:
    """What the plans have emitted, as the startup code writes it."""

    def __init__(self, path):
        self.path = path

    def data(self):
        """Return the data of all complete events."""
        lines = self.path.read_text().splitlines(keepends=True) if self.path.exists() else []
        documents = [json.loads(line) for line in lines if line.endswith("\n")]
        return [document["data"] for name, document in documents if name == "event"]

    def wait_for(self, number):
        """Wait until there are so many events."""
        wait_until(lambda: len(self.data()) >= number, f"{number} events")


def receive_values(socket):
    """Return the next values of a device."""
    assert socket.poll(60_000)
    return read_values(socket.recv_multipart())


@pytest.fixture
def ioc(tmp_path, monkeypatch):
    """A soft IOC; what is started in this test finds it and nothing else."""
    with SoftIoc.start(EXAMPLE, PREFIX, tmp_path / "ioc.log") as started:
        for name, value in started.variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("EPICS_DEMO_PREFIX", PREFIX)
        yield started


@pytest.fixture(scope="module")
def beamline(tmp_path_factory):
    """A soft IOC and a system with an open environment on it, for the tests that leave both as they are."""
    directory = tmp_path_factory.mktemp("beamline")
    startup = shutil.copytree(STARTUP, directory / "startup")
    documents = Documents(directory / "documents")
    with SoftIoc.start(EXAMPLE, PREFIX, directory / "ioc.log") as ioc, pytest.MonkeyPatch.context() as patch:
        for name, value in ioc.variables.items():
            patch.setenv(name, value)
        patch.setenv("EPICS_DEMO_PREFIX", PREFIX)
        patch.setenv("EPICS_DEMO_DOCUMENTS", str(documents.path))
        system = System(directory, startup=startup)
        try:
            system.start()
            yield system, ioc, documents
        finally:
            system.close()


@pytest.fixture
def at_beamline(beamline):
    """A client of the same with an open environment, the soft IOC, and its documents, none of them of another test."""
    system, ioc, documents = beamline
    documents.path.unlink(missing_ok=True)
    if not system.requester.status()["worker_environment_exists"]:
        system.requester.open()
    return system.requester, ioc, documents


def finish(ask, seconds=40):
    """Wait until the queue has stopped; return the result of the last item."""
    ask.wait_for_state("idle", seconds)
    return ask.history()[-1]["result"]


def test_a_plan_moves_the_variables_of_the_ioc_and_its_data_is_what_the_ioc_measured(at_beamline):
    ask, ioc, documents = at_beamline
    before = ioc.read([*MOVES, TRACE])
    ask.add("find_beam", width=2.0, points=3, exposure=0.03)
    ask.do("queue_start")
    assert finish(ask)["exit_status"] == "completed"
    data = documents.data()
    assert [(point["stage_x_readback"], point["stage_y-readback"]) for point in data] == [
        (x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)
    ]
    found = ioc.read([*POSITIONS, *MOVES, TRACE, f"{PREFIX}DIODE:EXPOSURE"])
    assert [found[name] for name in POSITIONS] == [1, 1]
    assert [found[name] - before[name] for name in MOVES] == [3, 9]
    assert found[f"{PREFIX}DIODE:EXPOSURE"] == 0.03
    measured = found[TRACE][len(before[TRACE]) :]
    assert measured == [point["diode-counts"] for point in data]
    # The middle of the beam is nearer to the origin than to the corners.
    assert measured[4] > max(measured[0], measured[2], measured[6])


def test_values_of_both_kinds_of_devices_are_pushed_as_the_ioc_changes_them(at_beamline, beamline):
    ask, _, _ = at_beamline
    system, *_ = beamline
    signals = {"stage_x": "stage_x_readback", "stage_y": "stage_y-readback"}
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.connect(system.ready["documents"])
        for device in signals:
            socket.subscribe(values_topic("default", device))
        seen = set()
        while seen != set(signals):
            values = receive_values(socket)
            assert (values.error, signals[values.device] in values.readings) == ("", True)
            seen.add(values.device)
        ask.add("mv", "stage_x", 0.25, "stage_y", 0.75)
        ask.do("queue_start")
        waited = {"stage_x": 0.25, "stage_y": 0.75}
        while waited:
            values = receive_values(socket)
            if values.readings[signals[values.device]]["value"] == waited.get(values.device):
                del waited[values.device]
        assert finish(ask)["exit_status"] == "completed"


def test_both_devices_are_described_with_their_children(at_beamline):
    ask, _, _ = at_beamline
    devices = ask.do("devices_existing")["devices_existing"]
    assert {name: (device["is_movable"], device["is_readable"]) for name, device in devices.items()} == {
        "stage_x": (True, True),
        "stage_y": (True, True),
        "diode": (False, True),
    }
    assert devices["stage_x"]["components"]["readback"]["classname"] == "EpicsSignalRO"
    assert devices["diode"]["components"]["exposure"]["classname"] == "SignalRW"
    ask.add("mv", "diode.exposure", 0.05, "stage_x.setpoint", 0.5)
    ask.do("queue_clear")


def test_a_pause_stops_both_axes_and_the_plan_goes_on_where_it_was(at_beamline):
    ask, ioc, documents = at_beamline
    ask.add("grid_scan", ["diode"], "stage_x", -2, 2, 4, "stage_y", -2, 2, 5)
    ask.do("queue_start")
    documents.wait_for(4)
    ask.do("re_pause", option="immediate")
    ask.wait_for_state("paused")
    first = ioc.read([*AT_REST, *POSITIONS])
    second = ioc.read([*AT_REST, *POSITIONS])
    assert [second[name] for name in AT_REST] == [1, 1]
    assert first == second
    ask.do("re_resume")
    assert finish(ask)["exit_status"] == "completed"
    seen = [(point["stage_x_readback"], point["stage_y-readback"]) for point in documents.data()]
    assert len(seen) == len(set(seen)) == 20
    assert list(ioc.read(POSITIONS).values()) == [2, 2]


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        pytest.param("10-ophyd.py", '"READBACK"', '"NOWHERE"', id="ophyd", marks=pytest.mark.night),
        pytest.param("11-ophyd-async.py", "{prefix}COUNTS", "{prefix}NOWHERE", id="ophyd-async"),
    ],
)
def test_a_variable_that_does_not_exist_is_named_when_the_environment_does_not_open(beamline, file, right, wrong):
    system, _, _ = beamline
    ask, code = system.requester, system.startup / file
    if ask.status()["worker_environment_exists"]:
        ask.do("environment_close")
        ask.wait_for(lambda status: not status["worker_environment_exists"], "the closed environment")
    text = code.read_text()
    assert right in text
    code.write_text(text.replace(right, wrong))
    try:
        ask.do("environment_open")
        status = ask.wait_for_state("idle")
    finally:
        code.write_text(text)
    assert status["worker_environment_exists"] is False
    reason = status["lanes"][0]["reason"]
    variable = f"{PREFIX}X:NOWHERE" if file == "10-ophyd.py" else f"{PREFIX}DIODE:NOWHERE"
    assert variable in reason
    # Only what is wrong is named.
    assert f"{PREFIX}X:SETPOINT" not in reason
    assert f"{PREFIX}DIODE:EXPOSURE" not in reason


LOST = """
from ophyd import EpicsSignalRO
from ophyd_async.epics.core import epics_signal_r

lost = EpicsSignalRO(f"{PREFIX}LOST", name="lost")
lost_async = epics_signal_r(float, f"ca://{PREFIX}LOST:ASYNC", name="lost_async")


def read_lost():
    yield from count([lost])


def connect_lost():
    from ophyd_async.plan_stubs import ensure_connected

    yield from ensure_connected(lost_async, timeout=1)
"""


@pytest.mark.night
def test_a_variable_that_is_missing_when_a_plan_needs_it_is_named_in_the_result(ioc, make_system, tmp_path):
    startup = shutil.copytree(STARTUP, tmp_path / "startup")
    (startup / "30-lost.py").write_text(LOST)
    ask = make_system(startup=startup).start().requester
    ask.open()
    for plan, variable in (("read_lost", f"{PREFIX}LOST"), ("connect_lost", f"{PREFIX}LOST:ASYNC")):
        uid = ask.add(plan)
        ask.do("queue_start")
        result = finish(ask)
        assert (result["exit_status"], variable in result["msg"]) == ("failed", True), result["msg"]
        # Its copy waits at the front, as after any failure.
        assert [item["item_uid"] == uid for item in ask.queue()] == [False]
        ask.do("queue_clear")


@pytest.mark.night
def test_an_ioc_that_is_gone_leaves_a_plan_that_can_be_aborted(ioc, make_system, tmp_path, monkeypatch):
    documents = Documents(tmp_path / "documents")
    monkeypatch.setenv("EPICS_DEMO_DOCUMENTS", str(documents.path))
    ask = make_system(startup=STARTUP).start().requester
    ask.open()
    ask.add("grid_scan", ["diode"], "stage_x", -2, 2, 4, "stage_y", -2, 2, 5)
    ask.do("queue_start")
    documents.wait_for(3)
    ioc.process.kill()
    ioc.process.wait()
    ask.do("re_pause", option="immediate")
    status = ask.wait_for(lambda status: status["manager_state"] in ("paused", "idle"), "the pause")
    if status["manager_state"] == "paused":
        ask.do("re_abort")
    assert finish(ask)["exit_status"] in ("aborted", "failed")
    ask.do("environment_close")
    ask.wait_for(lambda status: not status["worker_environment_exists"], "the closed environment")


# --- the demonstration ----------------------------------------------------------------------------------------------


@pytest.fixture
def demonstrate(tmp_path):
    """Start the command; what it starts carries the mark of this test."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CUELIGHT_", "EPICS_"))}

    started = []

    def start(*words, **variables):
        process = subprocess.Popen(
            [sys.executable, "-m", "queue_server.cli", "demo", "--data", str(tmp_path / "data"), *map(str, words)],
            cwd=ROOT,
            env={**environ, "TEST_DATA_DIRECTORY": str(tmp_path), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        # The signal on which it ends what it has started; nobody is told if it has ended already.
        process.terminate()
        process.wait(60)


@pytest.mark.night
def test_the_demonstration_shows_that_the_ioc_moved_and_leaves_no_process(demonstrate, tmp_path):
    # Variables of the caller are meant for the caller's own IOCs.
    process = demonstrate("--epics", EXAMPLE, EPICS_CA_ADDR_LIST="10.255.255.1", EPICS_CA_SERVER_PORT="5064")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    rows = {words[0]: words[1:] for line in out.splitlines() if (words := line.split())}
    assert [rows[plan][0] for plan in ("find_beam", "scan", "count")] == ["completed"] * 3
    assert rows["CUELIGHT:X:READBACK"] == ["0", "1"]
    assert rows["CUELIGHT:Y:READBACK"] == ["0", "0.5"]
    assert rows["CUELIGHT:X:MOVES"] == ["0", "11"]
    assert "The 35 counts in the data" in out
    assert len(Documents(tmp_path / "data" / "documents.jsonl").data()) == 35
    assert processes_of(str(tmp_path)) == {}


def _has_begun(documents):
    return documents.exists() and "diode-counts" in documents.read_text()


@pytest.mark.night
def test_an_interrupted_demonstration_ends_its_ioc(demonstrate, tmp_path):
    process = demonstrate("--epics", EXAMPLE)
    documents = tmp_path / "data" / "documents.jsonl"
    wait_until(lambda: process.poll() is not None or _has_begun(documents), "the first event", 90)
    assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGTERM)
    wait_for_end(process.pid)
    process.communicate()
    assert process.returncode == 130
    assert processes_of(str(tmp_path)) == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--epics", "/nowhere/at/all"], "'--epics': there is no file 'ioc.py' in /nowhere/at/all"),
        (["--epics", EXAMPLE, "--keep"], "'--keep' does not go with '--epics'"),
    ],
)
def test_a_wrong_option_starts_nothing(demonstrate, tmp_path, words, said):
    process = demonstrate(*words)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said in err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("raise SystemExit('no beam today')", "The IOC did not start: no beam today"),
        ("import softioc_of_nobody", "pip install 'cuelight"),
        ("", "it said nothing"),
    ],
)
def test_an_ioc_that_does_not_start_is_reported_with_its_last_words(tmp_path, program, said):
    (tmp_path / "ioc.py").write_text(program)
    with pytest.raises(OperationFailedError) as caught:
        SoftIoc.start(tmp_path, PREFIX, tmp_path / "ioc.log")
    assert said in str(caught.value)


@pytest.mark.night
def test_a_variable_that_cannot_be_read_is_named(ioc):
    with pytest.raises(OperationFailedError, match=f"{PREFIX}NOWHERE"):
        ioc.read([*POSITIONS, f"{PREFIX}NOWHERE"])
