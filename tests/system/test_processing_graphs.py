"""Graphs on processes of their own, as a compute worker executes them."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import dask.config
import numpy as np
import psutil
import pytest
from dask.utils import parse_timedelta
from distributed import Security
from PIL import Image

from device_worker.compute.catalog import list_graphs
from device_worker.compute.cluster import open_cluster
from device_worker.compute.executor import ComputeSettings, GraphExecutor, GraphOrder
from device_worker.compute.manifest import read_manifest
from device_worker.compute.settings import SchedulerAddress
from device_worker.profile import StartupSource, load_profile
from device_worker.sim.phantom import make_kspace

GRAPHS = Path(__file__).parents[1] / "processes" / "graphs"
STARTUP = GRAPHS / "startup.py"
GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "process-data-with-graphs.md"
PROMPT_S = 60.0
GIVEN_UP_AFTER = "distributed.deploy.lost-worker-timeout"
LONGEST_START_S = 3600


@pytest.fixture(scope="module")
def catalog():
    return list_graphs(load_profile(StartupSource.from_file(STARTUP)))


class LentCluster:
    """A cluster that stays when an executor is closed, so that all tests share its processes."""

    def __init__(self, cluster):
        self.client = cluster.client
        self.is_connected = cluster.is_connected
        self.memory_limit_bytes = cluster.memory_limit_bytes
        self.end_processes = cluster.end_processes

    def close(self):
        """Leave it to the fixture."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    directory = tmp_path_factory.mktemp("scratch")
    own = dask.config.get(GIVEN_UP_AFTER)
    cluster = open_cluster(ComputeSettings(directory=directory, processes=2, memory_limit_mib=512))
    yield cluster
    children = nodes_of(psutil.Process())
    cluster.close()
    assert len(children) == 2
    assert not any(child.is_running() for child in children)
    # What others in this process have set is as it was.
    assert dask.config.get(GIVEN_UP_AFTER) == own


@pytest.fixture
def make_executor(cluster):
    return lambda settings, catalog: GraphExecutor(settings, catalog, lambda _: LentCluster(cluster))


@pytest.fixture
def executor(make_executor, catalog, tmp_path):
    with make_executor(ComputeSettings(directory=tmp_path), catalog) as executor:
        yield executor


@pytest.fixture
def run(tmp_path):
    def run(executor, dag_id, parameters=None, inputs=None, show_progress=lambda progress: None):
        order = GraphOrder("attempt-1", dag_id, tmp_path / "results", parameters or {}, inputs or {})
        return executor.run(order, show_progress)

    return run


@pytest.fixture
def pipe(tmp_path):
    def pipe(name):
        os.mkfifo(tmp_path / name)
        return str(tmp_path / name)

    return pipe


def nodes_of(process):
    return [child for child in process.children(recursive=True) if "spawn_main" in " ".join(child.cmdline())]


def when_begun(pipe, act):
    """Read the process id that a node writes into a pipe, and then act on it in a thread of its own."""
    thread = threading.Thread(target=lambda: act(int(Path(pipe).read_text())), daemon=True)
    thread.start()
    return thread


def read_json(tmp_path, name):
    return json.loads((tmp_path / "results" / name).read_text())


def test_an_image_is_reconstructed_from_the_coils_of_a_simulated_scanner(executor, run, tmp_path):
    np.save(tmp_path / "kspace.npy", make_kspace(size=64, coils=4, noise=0.01))
    progress = []
    outcome = run(
        executor, "reconstruct_image", {"keep_coils": True}, {"kspace": tmp_path / "kspace.npy"}, progress.append
    )
    assert outcome.outcome == "completed"
    assert [step.done for step in progress] == list(range(8))
    assert read_manifest(tmp_path / "results").files == outcome.files
    for entry in outcome.files:
        content = (tmp_path / "results" / entry.name).read_bytes()
        assert (entry.size_bytes, entry.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    roles = {entry.name: entry.role for entry in outcome.files}
    assert list(roles) == [*(f"coils/{coil}.npy" for coil in range(4)), "image.npy", "image.png", "metrics.json"]
    assert set(roles.values()) == {"intermediate", "result"}
    metrics = read_json(tmp_path, "metrics.json")
    assert metrics["error"] < 0.03
    assert 0.008 < metrics["noise"] < 0.012
    with Image.open(tmp_path / "results" / "image.png") as picture:
        assert picture.size == np.load(tmp_path / "results" / "image.npy").shape == (64, 64)


@pytest.mark.fault("I12")
def test_nodes_run_at_the_same_time_in_processes_that_listen_to_this_host_only(executor, run, pipe, tmp_path):
    assert run(executor, "meet", {"pipe": pipe("meet")}).outcome == "completed"
    giver, [taker, told] = read_json(tmp_path, "met.json")
    assert giver == told
    assert len({giver, taker, os.getpid()}) == 3
    processes = [psutil.Process(), *nodes_of(psutil.Process())]
    assert {giver, taker} < {process.pid for process in processes}
    listeners = [place for process in processes for place in process.net_connections() if place.status == "LISTEN"]
    assert listeners
    assert {place.laddr.ip for place in listeners} == {"127.0.0.1"}


def test_a_failing_node_is_named_with_its_traceback(executor, run, tmp_path):
    (tmp_path / "raw.bin").write_bytes(b"x" * 70)
    outcome = run(executor, "divide", inputs={"file": tmp_path / "raw.bin"})
    assert (outcome.outcome, outcome.node, outcome.process) == ("failed", "take_apart", "")
    assert outcome.message == "Node 'take_apart' failed: ZeroDivisionError: float division by zero"
    assert "beside_graphs.py" in outcome.traceback
    assert "return size / parts" in outcome.traceback
    assert "device_worker/compute" not in outcome.traceback
    assert read_manifest(tmp_path / "results").outcome == "failed"


def test_a_running_node_is_cancelled_at_once_and_the_next_graph_runs(executor, run, pipe, tmp_path):
    hung = pipe("hung")
    cancelled = []

    def cancel(pid):
        cancelled.append((pid, time.monotonic()))
        assert executor.cancel("attempt-1", "it takes too long")

    thread = when_begun(hung, cancel)
    outcome = run(executor, "hang", {"pipe": hung})
    [(pid, began_s)] = cancelled
    assert time.monotonic() - began_s < PROMPT_S
    thread.join()
    assert (outcome.outcome, outcome.message, outcome.still_running) == ("aborted", "it takes too long", ())
    assert not psutil.pid_exists(pid)
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["manifest.json"]
    (tmp_path / "results" / "manifest.json").unlink()
    assert run(executor, "meet", {"pipe": pipe("meet")}).outcome == "completed"


def test_a_process_that_is_killed_is_named_and_replaced(executor, run, pipe, tmp_path):
    begun, end = pipe("begun"), pipe("end")
    killed = []
    when_begun(begun, lambda pid: [killed.append(pid), os.kill(pid, signal.SIGKILL)])
    outcome = run(executor, "linger", {"begun": begun, "end": end})
    assert (outcome.outcome, outcome.node) == ("failed", "wait")
    assert f"(pid {killed[0]}) died while it ran node 'wait'" in outcome.message
    assert str(killed[0]) in outcome.process
    (tmp_path / "results" / "manifest.json").unlink()
    # On a busy host the next process takes its time, and is not given up meanwhile.
    assert parse_timedelta(dask.config.get(GIVEN_UP_AFTER)) > LONGEST_START_S
    assert run(executor, "meet", {"pipe": pipe("meet")}).outcome == "completed"


def import_text(path, text):
    """Write a module and import it."""
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_of_the_guide_works(make_executor, tmp_path, monkeypatch, capsys):
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    np.save("frames.npy", np.full((3, 4, 5), 700, np.uint16))
    np.save("dark.npy", np.full((4, 5), 200, np.uint16))
    (tmp_path / "processing.py").write_text(blocks[0])
    tried = import_text(tmp_path / "tried.py", f"{blocks[0]}\n{blocks[1]}")
    assert tried.files["average.npy"].tolist() == [[500.0] * 5] * 4
    executed = import_text(tmp_path / "process.py", blocks[2])
    vars(executed)["GraphExecutor"] = make_executor
    executed.main()
    assert capsys.readouterr().out.startswith("0 of 5\n1 of 5\n")
    manifest = read_manifest(tmp_path / "results")
    assert manifest.outcome == "completed"
    assert [entry.name for entry in manifest.files] == ["first-frame.npy", "average.npy", "average.png"]
    with Image.open(tmp_path / "results" / "average.png") as picture:
        assert np.asarray(picture).tolist() == [[255] * 5] * 4
    # No such scheduler can be reached here, but the settings are checked.
    beginning = (
        "from pathlib import Path\nfrom device_worker.compute.executor import ComputeSettings\nhere = Path.cwd()\n"
    )
    assert import_text(tmp_path / "existing.py", beginning + blocks[3]).settings.scheduler is not None


def test_no_process_is_left_when_the_worker_is_killed(pipe, tmp_path):
    """Not even one whose node keeps the interpreter's lock, so that no thread of it can notice."""
    hung = pipe("hung")
    command = [sys.executable, str(GRAPHS / "doomed.py"), str(STARTUP), str(tmp_path), hung]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, env=environ) as doomed:
        pid = int(Path(hung).read_text())
        children = psutil.Process(doomed.pid).children(recursive=True)
        doomed.kill()
    assert pid in {child.pid for child in children}
    _, alive = psutil.wait_procs(children, PROMPT_S)
    for process in alive:
        process.kill()
    assert alive == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate that is its own authority, and its key."""
    made = Security.temporary()
    directory = tmp_path_factory.mktemp("certificates")
    files = directory / "own.pem", directory / "own.key"
    for file, content in zip(files, (made.tls_client_cert, made.tls_client_key), strict=True):
        file.write_text(content)
    return files


@pytest.fixture(scope="module")
def scheduler(certificate):
    """The process of a scheduler of others."""
    command = [sys.executable, str(GRAPHS / "scheduler.py"), *map(str, certificate)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.fixture(scope="module")
def address(scheduler, certificate):
    own, key = certificate
    said = scheduler.stdout.readline().strip()
    assert said.startswith("tls://")
    return SchedulerAddress(address=said, ca_file=own, certificate_file=own, key_file=key)


@pytest.fixture
def connected(address, catalog, tmp_path):
    with GraphExecutor(ComputeSettings(directory=tmp_path / "scratch", scheduler=address), catalog) as executor:
        yield executor


def test_on_an_existing_scheduler_a_cancelled_node_is_said_to_go_on(connected, run, pipe, tmp_path):
    begun, end = pipe("begun"), pipe("end")
    when_begun(begun, lambda pid: connected.cancel("attempt-1", "no longer wanted"))
    outcome = run(connected, "linger", {"begun": begun, "end": end})
    assert (outcome.outcome, outcome.still_running) == ("aborted", ("wait",))
    Path(end).write_text("end")
    (tmp_path / "results" / "manifest.json").unlink()
    assert run(connected, "meet", {"pipe": pipe("meet")}).outcome == "completed"


def test_when_an_existing_scheduler_is_lost_the_outcome_is_unknown(scheduler, connected, run, pipe, tmp_path):
    begun, end = pipe("begun"), pipe("end")
    when_begun(begun, lambda pid: scheduler.kill())
    outcome = run(connected, "linger", {"begun": begun, "end": end})
    assert (outcome.outcome, outcome.still_running) == ("unknown", ("wait",))
    assert "connection to the scheduler is lost" in outcome.message
    assert read_manifest(tmp_path / "results").outcome == "unknown"
