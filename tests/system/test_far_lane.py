"""A lane whose worker is on another host: its launcher reaches the manager over an encrypted link, and nothing else."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest
import zmq

from queue_server.client import CurveKeys, RunControl
from queue_server.client.run_file import read_documents
from queue_server.protocol.device_values import read_values, values_topic
from queue_server.protocol.documents import document_topic
from queue_server.workers.launcher import find_worker
from tests.processes.requester import USER
from tests.processes.system import ROOT, copy_startup, read_journal
from tests.processes.waiting import kill, processes_of, wait_for_end, wait_until

OPEN_S = 40


def make_pair():
    """Return a public and a secret key as text."""
    return tuple(key.decode() for key in zmq.curve_keypair())


def free_address():
    """Return an address on which nobody listens; workers look for their manager at the same one again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def write(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return path


class FarSide:
    """What is on the other host: startup code, keys, a directory for reports, and the launcher of the lane."""

    def __init__(self, directory, link, server_public):
        directory.mkdir()
        self.directory, self.link = directory, link
        self.startup = copy_startup(directory / "startup")
        self.public, secret = make_pair()
        self._secret = write(directory / "worker.secret", secret)
        self._manager = write(directory / "manager.public", server_public, 0o644)
        self._log = (directory / "log").open("a")

    def start(self):
        """Start the launcher as its service does."""
        keys = ["--secret-key-file", self._secret, "--manager-key-file", self._manager]
        words = ["--lane", "far", "--link", self.link, "--state-dir", self.directory / "state", *keys]
        self.launcher = subprocess.Popen(
            [sys.executable, "-m", "queue_server.workers.lane_launcher", *map(str, words)],
            cwd=ROOT,
            env={**os.environ, "TEST_DATA_DIRECTORY": str(self.directory)},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def close(self):
        """End the service; nothing of it may be left."""
        self.launcher.terminate()
        self.launcher.wait(20)
        self._log.close()
        left = processes_of(str(self.directory))
        kill(*left)
        assert left == {}, (self.directory / "log").read_text()


@pytest.fixture
def keys():
    """The keys of the manager and of a client."""
    return make_pair(), make_pair()


@pytest.fixture
def far(tmp_path, keys):
    """The other host, whose launcher is started before the manager."""
    side = FarSide(tmp_path / "far", free_address(), keys[0][0])
    side.start()
    yield side
    side.close()


@pytest.fixture
def system(far, make_system, startup, tmp_path, keys):
    """A system that knows the lane, the worker and the client."""
    (_, secret), (public, _) = keys
    settings = {
        "lanes": {"far": str(far.startup)},
        "worker_launchers": {"far": "link"},
        "worker_link": far.link,
        "worker_documents": free_address(),
        "curve_secret_key_file": str(write(tmp_path / "server.secret", secret)),
        "curve_clients_file": str(write(tmp_path / "clients", f"{public} a client\n")),
        "curve_workers_file": str(write(tmp_path / "workers", f"{far.public} the worker of the lane far\n")),
        "worker_key_file": str(write(tmp_path / "own.secret", make_pair()[1])),
    }
    return make_system(startup=startup, **settings).start()


@pytest.fixture
def client(system, keys):
    """A client that may do everything."""
    (server, _), (_, secret) = keys
    own = CurveKeys.from_secret(server, secret)
    with RunControl(system.ready["control"], system.ready["info"], server_key=own, timeout_s=60) as client:
        yield client


def lane_of(status):
    [lane] = [lane for lane in status["lanes"] if lane["lane"] == "far"]
    return lane


def open_far(client):
    """Open the environment of the lane, once its launcher is connected; return the process id of the worker."""

    def is_accepted():
        client.send_request(method="environment_open", params={"lane": "far"})
        ended = client.wait_for_status(lambda status: lane_of(status)["worker_state"] in ("idle", "closed"), OPEN_S)
        return lane_of(ended)["worker_state"] == "idle"

    wait_until(is_accepted, "an open lane", OPEN_S)
    pid = find_worker(lane_of(client.send_request(method="status"))["worker"])
    assert pid is not None
    return pid


def run(client, name, *args):
    """Add a plan to the lane and start its queue; return the uid of the item."""
    item = {"item_type": "plan", "name": name, "args": [str(arg) for arg in args]}
    reply = client.send_request(method="queue_item_add", params={"item": item, "lane": "far", **USER})
    client.send_request(method="queue_start", params={"lane": "far"})
    return reply["item"]["item_uid"]


def outcome_of(client, uid):
    """Wait for the end of an item; return its result."""

    def find():
        entries = client.send_request(method="history_get", params={"lane": "far"})["items"]
        return next((entry["result"] for entry in entries if entry["item_uid"] == uid), None)

    wait_until(lambda: find() is not None, f"the end of {uid}")
    return find() or {}


def wait_for_publisher(system, lane):
    """Wait until the worker publishes to this manager: its connection for documents is another one than its link."""
    with zmq.Context() as context, context.socket(zmq.SUB) as marks:
        marks.connect(system.ready["documents"])
        marks.subscribe(document_topic(lane))
        assert marks.poll(60_000)


def test_a_lane_on_another_host_outlives_its_manager_and_is_told_how_its_worker_ends(system, client, far, tmp_path):
    pid = open_far(client)
    assert os.getsid(pid) == pid
    gate = tmp_path / "gate"
    uid = run(client, "hold", gate)
    wait_until(lambda: read_journal(far.startup), "the plan on the other host")
    system.kill_manager()
    system.wait_ready(2)
    client.wait_for_status(lambda status: lane_of(status)["worker_state"] == "executing_plan", 60)
    # Published over the network under the keys of the link, and recorded over there.
    with client.documents(["far"]) as documents:
        wait_for_publisher(system, "far")
        gate.touch()
        assert outcome_of(client, uid)["exit_status"] == "completed"
        wait_until(lambda: getattr(documents.receive(60), "name", "") == "stop", "the last document")
    [recorded] = client.send_request(method="run_list", params={"lane": "far"})["runs"]
    assert recorded["host"] == socket.gethostname()
    assert [name for name, _ in read_documents(far.directory / "state" / recorded["file"])] == ["start", "stop"]
    assert [each["item_uid"] for each in read_journal(far.startup)] == [uid]
    assert read_journal(system.startup) == []

    lost = run(client, "hold", tmp_path / "never")
    wait_until(lambda: len(read_journal(far.startup)) == 2, "the second plan")
    os.kill(pid, signal.SIGKILL)
    result = outcome_of(client, lost)
    assert (result["exit_status"], "SIGKILL" in result["msg"]) == ("unknown", True)
    [copy] = client.send_request(method="queue_get", params={"lane": "far"})["items"]
    assert copy["state"] == "held"

    again = open_far(client)
    client.send_request(method="environment_close", params={"lane": "far"})
    client.wait_for_status(lambda status: lane_of(status)["worker_state"] == "closed", 60)
    wait_for_end(again)


def test_values_of_devices_on_another_host_come_over_the_encrypted_link(system, client, far):
    (far.startup / "10-motor.py").write_text("from ophyd.sim import SynAxis\n\nm = SynAxis(name='m', value=2)\n")
    open_far(client)
    with zmq.Context() as context, context.socket(zmq.SUB) as values:
        values.connect(system.ready["documents"])
        values.subscribe(values_topic("far", "m"))
        assert values.poll(60_000)
        told = read_values(values.recv_multipart())
    assert (told.lane, told.device, told.readings["m"]["value"]) == ("far", "m", 2)
