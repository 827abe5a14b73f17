"""P18: processes of graphs are killed again and again, and with them their scheduler, while another lane acquires."""

from __future__ import annotations

import hashlib
import os
import random
import statistics
import threading
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from tests.processes.requester import USER
from tests.processes.system import System, copy_startup
from tests.processes.waiting import kill, wait_until

KILLS = 100
EACH_SCHEDULER = 4
SEED = 20261
LONGEST_DELAY_S = 0.5
GAP_MS = 100
PATIENCE_S = 120
GRAPHS = Path(__file__).parents[1] / "processes" / "graphs" / "startup.py"
LANE = {"lane": "compute"}
# Each point is 10 ms after the one before; what it takes longer is what the acquisition has suffered.
POINT_S = 0.01
SAMPLED = f"""
import time

POINTS = Path(__file__).parent / "points"

def sampled():
    with POINTS.open("a") as stream:
        yield from bps.open_run()
        for _ in range(200):
            yield from bps.sleep({POINT_S})
            stream.write(f"{{time.monotonic()}}\\n")
        yield from bps.close_run()
"""

FILES = {"image.npy", "image.png", "metrics.json", "manifest.json", *(f"coils/{coil}.npy" for coil in range(4))}

_never = threading.Event()


class Acquisition:
    """What a lane of plans does meanwhile, point by point."""

    def __init__(self, ask, points):
        self._ask = ask
        self._points = points

    def start(self):
        """Begin to acquire, for ever."""
        self._ask.do("environment_open")
        self._ask.wait_for(lambda status: status["worker_environment_state"] == "idle", "the lane", PATIENCE_S)
        self._ask.do("queue_mode_set", mode={"loop": True})
        for _ in range(2):
            self._ask.add("sampled")
        self._ask.do("queue_start")
        wait_until(self.points, "points", PATIENCE_S)

    def points(self):
        """Return when there was a point."""
        written = self._points.read_text() if self._points.exists() else ""
        return [float(line) for line in written.splitlines(keepends=True) if line.endswith("\n")]

    def late_ms(self, begin, end=None):
        """Return the 99th percentile of how late points were, in milliseconds, among those of one part."""
        gaps = [later - earlier - POINT_S for earlier, later in pairwise(self.points()[begin:end])]
        return 1000 * statistics.quantiles(gaps, n=100)[98]


class Graphs:
    """The lane of graphs, and its processes."""

    def __init__(self, system):
        self.ask = system.requester
        self._data = system.data

    @property
    def lane(self):
        """What is told about the lane."""
        [lane] = [lane for lane in self.ask.status()["lanes"] if lane["lane"] == "compute"]
        return lane

    def open(self):
        """Open the lane, if it is not."""
        if not self.lane["worker_environment_exists"]:
            self.ask.do("environment_open", **LANE)
        self.ask.wait_for(lambda _: self.lane["worker_state"] == "idle", "the lane of graphs", PATIENCE_S)

    def start(self, name, **parameters):
        """Let the lane execute a graph; return the uid of the item."""
        item = {"item_type": "dag", "name": name, "kwargs": parameters}
        return self.ask.do("queue_item_execute", item=item, **USER)["item"]["item_uid"]

    def end_of(self, uid):
        """Return the result of an item, and take its held copy away."""
        found = []

        def has_ended(_):
            entries = self.ask.do("history_get", **LANE)["items"]
            found[:] = [entry["result"] for entry in entries if entry["item_uid"] == uid]
            return bool(found)

        self.ask.wait_for(has_ended, f"the end of {uid}", PATIENCE_S)
        for copy in self.ask.do("queue_get", **LANE)["items"]:
            self.ask.do("queue_item_remove", uid=copy["item_uid"], **LANE)
        return found[0]

    @property
    def worker(self):
        """The process with the scheduler."""
        name = self.lane["worker"]
        [found] = wait_until(
            lambda: [each for each in psutil.process_iter() if name in _words(each)], "the worker", PATIENCE_S
        )
        return found

    def kill_a_process(self):
        """Kill a process of nodes; it may have none at this moment, because it was killed just before."""
        children = [each for each in self.worker.children(recursive=True) if "spawn_main" in " ".join(_words(each))]
        if children:
            kill(children[0].pid)

    def check(self, uid, result):
        """Check that what has become a result of an attempt is whole; if it was completed, that nothing is missing."""
        known = {each["name"]: each["artifact"] for each in result.get("artifacts", ())}
        if result["exit_status"] == "completed":
            assert set(known) == FILES
        for name, artifact in known.items():
            content = (self._data / "graphs" / "compute" / f"{uid}.1" / name).read_bytes()
            assert (artifact["id"], artifact["size_bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))

    def partial_artifacts(self):
        """Return the stored artifacts whose content is not what their name says."""
        files = [each for each in (self._data / "artifacts").glob("??/*") if each.is_file()]
        return [each for each in files if hashlib.sha256(each.read_bytes()).hexdigest() != each.name]


def _words(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture
def system(directory):
    """A system with a lane of plans and a lane of graphs."""
    startup = copy_startup(directory / "startup")
    (startup / "01-sampled.py").write_text(SAMPLED)
    compute = {"startup": str(GRAPHS), "worker": "graphs", "processes": 1, "memory_limit_mib": 512}
    made = System(directory, startup=startup, lanes={"compute": compute}).start()
    yield made
    made.close()


@pytest.mark.night
@pytest.mark.fault("P18")
@pytest.mark.timeout(3600)
def test_killed_processes_of_graphs_leave_no_half_result_and_disturb_no_acquisition(system, directory, figure):
    chance = random.Random(SEED)
    graphs, acquisition = Graphs(system), Acquisition(system.requester, directory / "startup" / "points")
    graphs.open()
    graphs.end_of(graphs.start("simulate_scan", size=256, coils=4))
    [kspace] = [each["artifact"]["id"] for each in artifacts_of(graphs) if each["name"] == "kspace.npy"]
    acquisition.start()
    wait_until(lambda: len(acquisition.points()) > 1000, "points", PATIENCE_S)
    before = len(acquisition.points())
    outcomes = []
    for number in range(KILLS):
        graphs.open()
        uid = graphs.start("reconstruct_image", kspace=kspace, keep_coils=True)
        _never.wait(chance.uniform(0, LONGEST_DELAY_S))
        if number % EACH_SCHEDULER:
            graphs.kill_a_process()
        else:
            os.kill(graphs.worker.pid, 9)
        result = graphs.end_of(uid)
        graphs.check(uid, result)
        outcomes.append(result["exit_status"])
    quiet_ms, late_ms = acquisition.late_ms(0, before), acquisition.late_ms(before)
    partial = graphs.partial_artifacts()
    figure("kills of processes and schedulers of graphs", KILLS, KILLS)
    figure("graphs that ended before they were hit", KILLS, outcomes.count("completed"))
    figure("points late, p99, ms", GAP_MS, f"{late_ms:.1f}")
    figure("points late without kills, p99, ms", GAP_MS, f"{quiet_ms:.1f}")
    figure("partial results", 0, len(partial))
    assert partial == []
    assert set(outcomes) <= {"completed", "failed", "unknown"}
    assert outcomes.count("completed") < KILLS


def artifacts_of(graphs):
    """Return the artifacts of all graphs that have ended."""
    entries = graphs.ask.do("history_get", **LANE)["items"]
    return [each for entry in entries for each in entry["result"].get("artifacts", ())]
