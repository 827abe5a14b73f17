"""The gateway as part of a whole system: it is started, restarted, and does not suffer from what its manager does."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import cycle
from types import SimpleNamespace

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.sync.client import connect as connect_blocking

from queue_server.client import RunControl
from queue_server.client.notices import EVENT_TOPIC
from queue_server.sockets import delegate_address
from tests.doubles.gateway import NO_AUTHORITY, running_gateway
from tests.processes.system import ROOT, System, copy_startup
from tests.processes.waiting import kill, wait_until

ITEM = {"item_type": "instruction", "name": "queue_stop"}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A system with a gateway, for all tests."""
    directory = tmp_path_factory.mktemp("system")
    system = System(directory, startup=copy_startup(directory / "startup"), http="127.0.0.1:0")
    yield system.start()
    system.close()


@pytest.fixture
def system(running):
    """The same with an empty queue, and ready: what a test has killed may just be coming back."""
    wait_until(lambda: running.is_ready, "the ready file")
    running.requester.do("queue_clear")
    return running


@pytest.fixture
def client(system):
    """A client of the gateway."""
    with client_of(system.ready["http"], system.data) as client:
        yield client


def headers_of(data):
    """The credential of a client."""
    return {"Authorization": f"ApiKey {(data / 'api-key').read_text().strip()}"}


def client_of(url, data):
    """Return a client that has the API key of a data directory."""
    return httpx.Client(base_url=url, headers=headers_of(data), timeout=60, trust_env=False, verify=NO_AUTHORITY)


@contextmanager
def another_gateway(system):
    """Run one more gateway process in front of the manager of a system; give a client of it."""
    settings = {
        "control": delegate_address(system.data),
        "info": system.ready["info"],
        "http": "127.0.0.1:0",
        "data": str(system.data),
        "console_output": "off",
    }
    given, give = os.pipe()
    report, told = os.pipe()
    os.write(give, json.dumps(settings).encode())
    os.close(give)
    command = [sys.executable, "-m", "http_gateway", "--settings-fd", str(given), "--report-fd", str(told)]
    process = subprocess.Popen(command, cwd=ROOT, pass_fds=(given, told), stdin=subprocess.DEVNULL)
    os.close(given)
    os.close(told)
    try:
        # Where nobody reads the reports the gateway ends, so the pipe stays open; it holds more than a test lasts.
        with (
            os.fdopen(report) as reports,
            client_of(json.loads(reports.readline())["ready"]["url"], system.data) as client,
        ):
            yield client
            process.terminate()
            process.wait(60)
    finally:
        kill(process.pid)
        process.wait(60)


def answers(client, path="/v1/health/ready"):
    """Whether a path is answered by 200."""
    try:
        return client.get(path).status_code == 200
    except httpx.TransportError:
        return False


def test_the_ready_file_names_an_address_that_answers(system, client):
    assert system.ready["http"].startswith("http://127.0.0.1:")
    assert client.get("/v1/health").json()["ready"] is True
    assert client.get("/api/status").json()["manager_state"] == "idle"


def test_a_gateway_that_was_killed_is_back_at_the_same_address(system, client):
    before = system.ready
    kill(before["pids"]["gateway"])
    wait_until(lambda: answers(client), "a gateway that answers")
    wait_until(lambda: system.is_ready and system.ready["pids"]["gateway"] != before["pids"]["gateway"], "ready")
    assert system.ready["http"] == before["http"]
    assert system.ready["pids"]["manager"] == before["pids"]["manager"]


def test_a_gateway_outlives_its_manager_and_goes_on_with_the_next_one(system, client):
    gateway, manager = system.ready["pids"]["gateway"], system.manager_pid
    client.post("/v1/queue/items", json={"item": ITEM}).raise_for_status()
    system.stop_supervisor()
    try:
        kill(manager)
        away = [client.get(path) for path in ("/v1/queue", "/api/queue/get", "/v1/health/live")]
    finally:
        system.continue_supervisor()
    assert [answer.status_code for answer in away] == [504, 408, 200]
    # The first one may have gone out before the connection was known to be broken.
    assert away[0].json()["type"] in ("urn:cuelight:problem:unreachable", "urn:cuelight:problem:timeout")
    wait_until(lambda: answers(client), "a manager that answers")
    assert len(client.get("/v1/queue").json()["items"]) == 1
    wait_until(lambda: system.is_ready and system.manager_pid != manager, "ready")
    assert system.ready["pids"]["gateway"] == gateway


@pytest.mark.night
def test_a_subscription_of_our_client_goes_on_behind_a_new_gateway_and_misses_nothing(system, client):
    key = system.data / "api-key"
    with (
        RunControl(system.ready["http"], api_key=key, timeout_s=60) as reader,
        reader.notices([EVENT_TOPIC]) as notices,
    ):
        with RunControl(system.ready["control"], timeout_s=60) as writer:
            add = partial(writer.queue_item_add, item=ITEM, user="Somebody", user_group="primary")
            first = add()["item"]["item_uid"]
            seen = [notices.receive(60)]
            before = system.ready["pids"]["gateway"]
            kill(before)
            # While nobody serves the stream.
            missed = [add()["item"]["item_uid"] for _ in range(3)]
            seen += [notices.receive(60) for _ in range(3)]
            wait_until(lambda: system.is_ready and system.ready["pids"]["gateway"] != before, "a new gateway")
            last = add()["item"]["item_uid"]
            seen.append(notices.receive(60))
        assert not notices.closed
        assert reader.ping()["items_in_queue"] == 5
    events = [notice.payload for notice in seen if notice is not None]
    assert [event["kind"] for event in events] == 5 * ["queue_item_add"]
    assert [event["seq"] for event in events] == list(range(events[0]["seq"], events[0]["seq"] + 5))
    assert len({first, *missed, last}) == 5


def test_a_stream_goes_on_behind_a_new_manager_and_misses_nothing(system, client):
    address = f"{system.ready['http'].replace('http', 'ws', 1)}/v1/stream"
    with connect_blocking(address, additional_headers=headers_of(system.data), proxy=None) as socket:
        socket.send(json.dumps({"op": "sub", "topics": ["events"]}))
        frames = (json.loads(socket.recv(60)) for _ in cycle([0]))
        last = next(frame["seq"] for frame in frames if frame.get("topic") == "events")
        client.post("/v1/queue/items", json={"item": ITEM}).raise_for_status()
        manager = system.manager_pid
        system.kill_manager()
        wait_until(lambda: system.is_ready and system.manager_pid != manager, "ready")
        wait_until(lambda: answers(client), "a manager that answers")
        client.post("/v1/queue/clear").raise_for_status()
        seen, kinds = [], []
        # The gateway may hear only now of what was cleared before.
        while "queue_item_add" not in kinds or kinds[-1] != "queue_clear":
            seen.append(next(frame for frame in frames if "op" not in frame))
            kinds.append(seen[-1]["data"]["kind"])
        assert [frame["seq"] for frame in seen] == list(range(last + 1, last + 1 + len(seen)))


def test_what_one_gateway_has_acknowledged_every_other_one_shows(system, client):
    with another_gateway(system) as other:
        for number, (writer, reader) in zip(range(200), cycle([(client, other), (other, client)]), strict=False):
            uid = writer.post("/v1/queue/items", json={"item": ITEM}).json()["item"]["item_uid"]
            status = reader.get("/v1/status" if number % 4 < 2 else "/api/status").json()
            assert status["items_in_queue"] == number + 1, number
            if number % 20 == 0:
                assert reader.get("/v1/queue?limit=1000").json()["items"][-1]["item_uid"] == uid


def test_a_frozen_manager_costs_each_request_one_clear_answer(system, client, figure):
    client.get("/v1/status").raise_for_status()
    manager = system.manager_pid

    def ask(_):
        with client_of(system.ready["http"], system.data) as own:
            started = time.monotonic()
            answer = own.get("/v1/queue")
            return answer.status_code, answer.json()["type"], time.monotonic() - started

    system.stop_supervisor()
    os.kill(manager, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(32) as threads:
            waiting = [threads.submit(ask, number) for number in range(32)]
            started = time.monotonic()
            assert client.get("/v1/health/live").status_code == 200
            live_s = time.monotonic() - started
            found = [each.result(60) for each in waiting]
    finally:
        os.kill(manager, signal.SIGCONT)
        system.continue_supervisor()
    assert {(status, kind) for status, kind, _ in found} == {(504, "urn:cuelight:problem:timeout")}
    figure("slowest answer while the manager is frozen, s", 2.5, max(spent_s for _, _, spent_s in found))
    # All at once after the 2 s that the gateway waits, and not one after the other.
    assert max(spent_s for _, _, spent_s in found) < 2 * 32
    assert live_s < 2 * 32
    wait_until(lambda: answers(client), "a manager that answers")


@pytest.mark.night
def test_idle_and_stalled_readers_do_not_hold_up_others(system, client, figure):
    alone_s = _slowest_of(client)
    with ExitStack() as stack:
        readers = _Readers(system, 200, 20)
        stack.callback(readers.close)
        readers.open()
        beside_s = _slowest_of(client)
        for _ in range(50):
            client.post("/v1/queue/items", json={"item": ITEM}).raise_for_status()
        assert readers.wait_for_items(50) == 180
    figure("slow requests alone and beside 200 readers, s", alone_s, beside_s)
    assert beside_s < max(5, 20 * alone_s)


def _slowest_of(client):
    """Return how long the slowest but two of 100 requests take, in seconds."""
    spent = []
    for _ in range(100):
        started = time.monotonic()
        client.get("/v1/queue").raise_for_status()
        spent.append(time.monotonic() - started)
    return sorted(spent)[-3]


class _Readers:
    """Readers of the stream in an event loop of their own; the stalled ones take nothing after their subscription."""

    def __init__(self, system, number, stalled):
        self._address = f"{system.ready['http'].replace('http', 'ws', 1)}/v1/stream"
        self._headers = headers_of(system.data)
        self._number, self._stalled = number, stalled
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._sockets = []

    def _run(self, coroutine, seconds=60):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(seconds)

    def open(self):
        """Open all of them."""
        self._run(self._open())

    def wait_for_items(self, number):
        """Return how many readers have seen a status with so many items in the queue."""
        return self._run(self._wait_for_items(number))

    def close(self):
        """Close all of them."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    async def _open(self):
        for _ in range(self._number):
            socket = await connect(self._address, additional_headers=self._headers, proxy=None, compression=None)
            await socket.send(json.dumps({"op": "sub", "topics": ["status", "queue", "events"]}))
            self._sockets.append(socket)

    async def _wait_for_items(self, number):
        async with asyncio.timeout(60):
            return sum(await asyncio.gather(*(self._see(each, number) for each in self._sockets[self._stalled :])))

    async def _see(self, socket, number):
        frames = 0
        while True:
            frame = json.loads(await socket.recv())
            frames += "op" not in frame
            if frames % 32 == 0:
                await socket.send(json.dumps({"op": "ack", "frames": frames}))
            if frame.get("topic") == "status" and frame["data"]["items_in_queue"] == number:
                return 1

    async def _close(self):
        for socket in self._sockets:
            socket.transport.abort()
        await asyncio.gather(*(socket.wait_closed() for socket in self._sockets))


OBSERVED = {
    "authentication": {
        "providers": [
            {
                "provider": "toy",
                "authenticator": "bluesky_httpserver.authenticators:DictionaryAuthenticator",
                "args": {"users_to_passwords": {"bob": "bob_password"}},
            }
        ],
        "secret_keys": ["marked-secret-0123456789abcdefghijklmnop"],
    },
    "api_access": {
        "policy": "bluesky_httpserver.authorization:DictionaryAPIAccessControl",
        "args": {"users": {"bob": {"roles": "observer"}}},
    },
}


async def test_an_observer_may_stop_everything_and_nothing_else(system, tmp_path):
    manager = SimpleNamespace(control=delegate_address(system.data), info=system.ready["info"])
    (tmp_path / "gateway").mkdir(mode=0o700)
    (tmp_path / "gateway" / "api-key").write_text("unused\n")
    async with running_gateway(manager, tmp_path / "gateway", **OBSERVED) as client:
        client.headers.pop("Authorization")
        login = await client.post("/api/auth/provider/toy/token", data={"username": "bob", "password": "bob_password"})
        headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
        start = await client.post("/api/queue/start", headers=headers)
        stop = await client.post("/v1/estop", json={"reason": "smoke"}, headers=headers)
        nobody = await client.post("/v1/estop", json={"reason": "smoke"})
        status = (await client.get("/api/status", headers=headers)).json()
    assert (start.status_code, nobody.status_code) == (401, 401)
    assert "Requires scopes ['write:queue:control']" in start.json()["detail"]
    assert stop.status_code == 200, stop.text
    assert [lane["condition"] for lane in status["lanes"]] == ["estopped"]
    system.requester.do("estop_reset")
