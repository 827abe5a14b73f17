"""Values of devices in whole systems: readers see a motor move, whoever dies, and nothing is asked without readers."""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest
from websockets.sync.client import connect

from queue_server.client.run_file import read_documents
from tests.processes.waiting import Deadline, kill, wait_until

PATIENCE_S = 60

DEVICES = '''
from ophyd.sim import SynAxis

COUNTS = JOURNAL.with_name("counts")


class Counted(SynAxis):
    """A motor that notes after each change how many subscriptions its readback has in this process."""

    def __init__(self, **options):
        super().__init__(**options)
        self._numbers = set()
        begin, end = self.readback.subscribe, self.readback.unsubscribe

        def subscribe(*args, **more):
            number = begin(*args, **more)
            self._numbers.add(number)
            self._note()
            return number

        def unsubscribe(number):
            end(number)
            self._numbers.discard(number)
            self._note()

        self.readback.subscribe, self.readback.unsubscribe = subscribe, unsubscribe

    def _note(self):
        with COUNTS.open("a") as stream:
            stream.write(f"{os.getpid()} {self.name} {len(self._numbers)}\\n")


m = Counted(name="m")
still = Counted(name="still")


def walk(places: list):
    """One run that measures the motor at each place."""

    @bpp.run_decorator(md={})
    def inner():
        for place in places:
            yield from bps.mv(m, place)
            yield from bps.trigger_and_read([m])
            yield from bps.sleep(0.02)

    yield from inner()
'''


class Reader:
    """One WebSocket that follows devices."""

    def __init__(self, system, *topics):
        key = (system.data / "api-key").read_text().strip()
        address = f"{system.ready['http'].replace('http', 'ws', 1)}/v1/stream"
        known = {"Authorization": f"ApiKey {key}"}
        self._stack = ExitStack()
        self._socket = self._stack.enter_context(connect(address, additional_headers=known, proxy=None))
        self._socket.send(json.dumps({"op": "sub", "topics": list(topics)}))
        self._frames = 0
        self.values = []

    def next(self):
        """Return the next frame with data."""
        while True:
            frame = json.loads(self._socket.recv(PATIENCE_S))
            if "op" not in frame:
                self._frames += 1
                self._socket.send(json.dumps({"op": "ack", "frames": self._frames}))
                return frame
            assert frame["op"] == "hello", frame

    def wait_for(self, condition):
        """Return the data of the first frame that is as described; note the values of the motor until then."""
        deadline = Deadline(PATIENCE_S)
        while True:
            data = self.next()["data"]
            if "m" in data["readings"]:
                self.values.append(data["readings"]["m"]["value"])
            if condition(data):
                return data
            deadline.check(f"what is waited for, after {data}")

    def close(self):
        """Follow nothing more."""
        self._stack.close()


@pytest.fixture
def site(startup, make_system):
    """A system with a gateway and two motors."""
    (startup / "10-devices.py").write_text(DEVICES)
    return make_system(startup=startup, http="127.0.0.1:0").start()


@pytest.fixture
def read(site):
    """Open readers; all are closed at the end."""
    opened = []

    def read(*topics):
        opened.append(Reader(site, *topics))
        return opened[-1]

    yield read
    for reader in opened:
        reader.close()


def is_at(value):
    return lambda data: data["readings"].get("m", {}).get("value") == value


def is_in_state(state):
    return lambda data: data["state"] == state


def subscriptions(site, name, pid=None):
    """Return how many subscriptions a motor has had in a worker, one number for each change."""
    file = site.startup / "counts"
    lines = [line.split() for line in (file.read_text().splitlines() if file.exists() else [])]
    return [int(count) for worker, motor, count in lines if motor == name and int(worker) == (pid or site.worker_pid)]


def walk(site, places):
    """Run the plan; return what its documents say of the motor."""
    before = len(site.requester.history())
    site.requester.add("walk", places)
    site.requester.do("queue_start")
    site.requester.wait_for(lambda status: status["items_in_history"] == before + 1, "the end of the plan")
    result = site.requester.history()[-1]["result"]
    assert result["exit_status"] == "completed"
    [file] = (site.data / "runs").rglob(f"{result['run_uids'][0]}.jsonl")
    return [document["data"]["m"] for name, document in read_documents(file) if name == "event"]


def test_readers_see_a_motor_move_and_a_later_one_gets_the_present_value_at_once(site, read):
    site.requester.open()
    places = list(range(1, 40))
    alone = walk(site, places)
    assert subscriptions(site, "m") == []
    readers = [read("devices:m"), read("devices:m")]
    for reader in readers:
        reader.wait_for(is_at(39))
    assert walk(site, places) == alone == places
    for reader in readers:
        reader.wait_for(is_at(39))
        assert len(set(reader.values)) > 2
    assert read("devices:m").next()["data"]["readings"]["m"]["value"] == 39
    every = read("devices:*")
    assert every.next()["data"] == {"devices": ["m", "still"]}
    assert {every.next()["data"]["name"] for _ in range(2)} == {"m", "still"}
    every.close()
    wait_until(lambda: subscriptions(site, "still")[-1:] == [0], "the end of a subscription", PATIENCE_S)
    assert subscriptions(site, "m") == [1]


def test_nothing_is_subscribed_to_once_the_last_reader_has_gone(site, read):
    site.requester.open()
    first, second = read("devices:m"), read("devices:m")
    first.wait_for(is_at(0))
    second.wait_for(is_at(0))
    first.close()
    walk(site, [1])
    second.wait_for(is_at(1))
    assert subscriptions(site, "m") == [1]
    second.close()
    wait_until(lambda: subscriptions(site, "m") == [1, 0], "the end of the subscription", PATIENCE_S)
    assert subscriptions(site, "still") == []


@pytest.mark.parametrize("end", ["destroyed", "killed", "closed"])
def test_readers_go_on_with_the_next_environment(site, read, end):
    ask = site.requester
    ask.open()
    reader = read("devices:m")
    reader.wait_for(is_at(0))
    walk(site, [7])
    reader.wait_for(is_at(7))
    if end == "killed":
        kill(site.worker_pid)
    else:
        ask.do("environment_close" if end == "closed" else "environment_destroy")
    reader.wait_for(is_in_state("closed"))
    ask.wait_for(lambda status: status["worker_environment_state"] == "closed", "closed environment")
    later = read("devices:m")
    assert later.next()["data"]["state"] == "closed"
    ask.open()
    for each in (reader, later):
        each.wait_for(is_at(0))
    walk(site, [3])
    for each in (reader, later):
        each.wait_for(is_at(3))


def test_readers_go_on_with_the_next_manager(site, read):
    site.requester.open()
    reader = read("devices:m")
    reader.wait_for(is_at(0))
    site.kill_manager()
    site.wait_ready(2)
    site.requester.wait_for(lambda status: status["worker_environment_state"] == "idle", "the adopted worker")
    site.requester.add("walk", [5])
    site.requester.do("queue_start")
    reader.wait_for(is_at(5))


def test_a_device_that_is_unknown_is_refused_by_its_name(site, read):
    site.requester.open()
    with pytest.raises(AssertionError, match="There is no device 'none'"):
        read("devices:none").next()
