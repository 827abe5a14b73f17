"""The manager as a whole in this process: the order of its start, a second one on the same data, its end."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import signal

import pytest
import zmq

from queue_server.app import Listener, clear_lock, run_manager
from queue_server.clock import Chance, ManualClock
from queue_server.config import Settings
from queue_server.process import SUPERVISOR_FILE, PidFile, PidFileTakenError
from queue_server.protocol.codec import decode, encode
from queue_server.protocol.errors import NotFoundError, ParameterError, StateError, StorageError
from queue_server.storage.sqlite import open_sqlite
from tests.doubles.bench import INSTRUCTION, USER
from tests.doubles.peers import Peers

FREE = "tcp://127.0.0.1:0"
PATIENCE_S = 60


class Running:
    """A manager in a task."""

    def __init__(self, data, **addresses):
        self.signs = 0
        self._ready = asyncio.get_running_loop().create_future()
        sockets = {"control": FREE, "info": FREE, "documents": FREE}
        settings = Settings.model_validate({"data": data} | sockets | addresses)
        self.task = asyncio.create_task(run_manager(settings, Listener(self._ready.set_result, self._live)))

    def _live(self):
        self.signs += 1

    async def ready(self):
        """Return the addresses, or raise what ended the manager before it was ready."""
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait({self._ready, self.task}, return_when=asyncio.FIRST_COMPLETED)
            if self.task.done():
                await self.task
            return await self._ready

    async def ask(self, method, **params):
        """Return the reply to a request over the socket."""
        peers = Peers((await self.ready()).control)
        try:
            [frame] = await peers(zmq.REQ).ask(encode({"method": method, "params": params}))
            return decode(frame)[0]
        finally:
            peers.close()

    async def ended(self):
        """Wait for the end."""
        async with asyncio.timeout(PATIENCE_S):
            await self.task


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
async def start():
    """Start managers; those that still run are ended with the test."""
    made = []

    def start(data, **addresses):
        made.append(Running(data, **addresses))
        return made[-1]

    yield start
    for running in made:
        if not running.task.done():
            await running.ask("manager_stop", option="safe_off")
            await running.ended()


def contents(directory):
    """Return what every file of a directory holds."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


async def rows(data):
    """Open the store of a manager that has ended; return its epoch and its queue."""
    store = await asyncio.to_thread(open_sqlite, data, clock=ManualClock(), chance=Chance.seeded(1))
    try:
        return store.epoch, await store.transact(lambda tx: tx.queue("default"))
    finally:
        await store.close()


def is_free(address):
    """Tell whether an address can be bound."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        try:
            socket.bind(address)
        except zmq.ZMQError:
            return False
        return True


# --- start ----------------------------------------------------------------------------------------------------------


async def test_a_manager_that_says_it_is_ready_serves_at_the_addresses_that_it_names(data, start):
    running = start(data)
    addresses = await running.ready()
    assert not addresses.control.endswith(":0")
    assert not addresses.info.endswith(":0")
    status = await running.ask("status")
    assert (status["manager_state"], status["epoch"]) == ("idle", 1)


async def test_signs_of_life_begin_when_it_is_ready(data, start):
    running = start(data)
    await running.ready()
    await running.ask("queue_get")
    assert running.signs >= 1


async def test_every_start_is_a_new_epoch_of_the_same_data(data, start):
    first = start(data)
    added = await first.ask("queue_item_add", item=INSTRUCTION, **USER)
    await first.ask("manager_stop")
    await first.ended()
    second = start(data)
    assert (await second.ask("status"))["epoch"] == 2
    assert (await second.ask("queue_get"))["items"] == [added["item"]]


async def subscribe(running, peers, topic):
    """Return a subscriber, once what is published reaches it."""
    subscriber = peers(zmq.SUB)
    subscriber.socket.setsockopt(zmq.SUBSCRIBE, topic)
    loop = True
    while not await subscriber.socket.poll(20):
        await running.ask("queue_mode_set", mode={"loop": loop})
        loop = not loop
    return subscriber


async def test_a_subscriber_gets_the_status(data, start):
    running = start(data)
    peers = Peers((await running.ready()).info)
    subscriber = await subscribe(running, peers, b"QS_Info")
    topic, payload = await subscriber.receive()
    assert topic == b"QS_Info"
    assert decode(payload)[0]["msg"]["status"]["manager_state"] == "idle"
    peers.close()


async def test_what_is_logged_is_published_as_console_output(data, start):
    running = start(data)
    peers = Peers((await running.ready()).info)
    subscriber = await subscribe(running, peers, b"")
    logging.getLogger("queue_server.test").warning("something that people should see")
    async with asyncio.timeout(PATIENCE_S):
        while b"something that people should see" not in (message := await subscriber.receive())[1]:
            pass
    assert message[0] == b"QS_Console"
    peers.close()


# --- a second manager -----------------------------------------------------------------------------------------------


async def test_a_second_manager_on_the_same_data_ends_at_once_and_has_changed_nothing(data, start):
    first = start(data)
    await first.ask("queue_item_add", item=INSTRUCTION, **USER)
    before, status = contents(data), await first.ask("status")
    mine = {"control": f"ipc://{data}/second-control", "info": f"ipc://{data}/second-info"}

    with pytest.raises(StorageError, match=f"is in use by process {os.getpid()}"):
        await start(data, **mine).ready()
    assert contents(data) == before
    assert not (data / "second-control").exists()
    assert await first.ask("status") == status
    await first.ask("manager_stop")
    await first.ended()
    assert (await rows(data))[0] == 2


async def test_a_second_manager_on_the_same_address_ends_and_leaves_the_first_alone(tmp_path, start):
    first = start(tmp_path / "first")
    addresses = await first.ready()
    for taken in ({"control": addresses.control}, {"info": addresses.info}):
        with pytest.raises(OSError, match="cannot bind"):
            await start(tmp_path / "second", **taken).ready()
    assert (await first.ask("status"))["manager_state"] == "idle"


async def test_the_epoch_is_committed_before_anything_is_bound(tmp_path, start):
    """A manager that could not bind has begun an epoch, so that no later one can be taken for it; nothing else."""
    first = start(tmp_path / "first")
    taken = (await first.ready()).control
    with pytest.raises(OSError, match="cannot bind"):
        await start(tmp_path / "second", control=taken).ready()
    assert await rows(tmp_path / "second") == (2, [])


async def test_a_manager_that_could_not_start_holds_neither_data_nor_addresses(tmp_path, start):
    first = start(tmp_path / "first")
    taken = (await first.ready()).control
    info = f"ipc://{tmp_path}/info"
    with pytest.raises(OSError, match="cannot bind"):
        await start(tmp_path / "second", control=taken, info=info).ready()
    second = start(tmp_path / "second", info=info)
    assert (await second.ask("status"))["manager_state"] == "idle"


# --- end ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
async def test_a_signal_ends_the_manager_in_order(data, start, number):
    running = start(data)
    addresses = await running.ready()
    os.kill(os.getpid(), number)
    await running.ended()
    assert is_free(addresses.control)
    assert is_free(addresses.info)
    assert (await rows(data))[0] == 2


async def test_what_was_asked_before_the_end_is_done_and_answered(data, start):
    running = start(data)
    peers = Peers((await running.ready()).control)
    client = peers()
    for _ in range(40):
        await client.send(encode({"method": "queue_item_add", "params": {"item": INSTRUCTION, **USER}}))
    await client.send(encode({"method": "manager_stop"}))
    replies = [decode((await client.receive())[0])[0] for _ in range(41)]
    await running.ended()
    peers.close()
    assert all(reply["success"] for reply in replies)
    assert [reply.get("qsize") for reply in replies] == [*range(1, 41), None]
    assert len((await rows(data))[1]) == 40


async def test_nothing_of_the_manager_is_left_behind(data, start):
    handlers = list(logging.getLogger().handlers)
    running = start(data)
    await running.ask("manager_stop")
    await running.ended()
    assert logging.getLogger().handlers == handlers


# --- what clients are told ------------------------------------------------------------------------------------------


async def test_clients_are_told_where_notices_and_documents_are(data, start):
    running = start(data)
    addresses = await running.ready()
    assert not addresses.documents.endswith(":0")
    told = {"ip_connect_info": {}, "info": addresses.info, "documents": addresses.documents}
    assert (await running.ask("config_get"))["config"] == told


async def test_where_no_notices_are_published_no_address_of_theirs_is_told(data, start):
    config = (await start(data, publish_console=False).ask("config_get"))["config"]
    assert set(config) == {"ip_connect_info", "documents"}


# --- failure policy -------------------------------------------------------------------------------------------------


async def test_a_policy_for_an_unknown_lane_ends_the_start_and_changes_nothing(data, start):
    with pytest.raises(ParameterError, match="lane 'other', which does not exist"):
        await start(data, on_failure={"other": "hold"}).ready()
    assert (await start(data, on_failure={"default": "hold"}).ask("status"))["lanes"][0]["condition"] == "open"


# --- lanes ----------------------------------------------------------------------------------------------------------


async def test_a_lane_comes_with_a_setting_and_goes_only_when_it_is_empty(data, start, tmp_path):
    item = {"item_type": "plan", "name": "count", "args": [["det1"]]}
    running = start(data, lanes={"b": "sim"})
    asked = {"item": item, "user": "anna", "user_group": "primary", "lane": "b"}
    assert (await running.ask("queue_item_add", **asked))["success"]
    await running.ask("manager_stop")
    await running.ended()
    with pytest.raises(ParameterError, match=r"leaves out the lane 'b', which has 1 items in its queue"):
        await start(data).ready()

    again = start(data, lanes={"b": str(tmp_path), "c": "sim"}, on_failure={"c": "front"})
    lanes = (await again.ask("lanes_get"))["lanes"]
    assert [(lane["lane"], lane["items_in_queue"], lane["on_failure"]) for lane in lanes] == [
        ("default", 0, "front"),
        ("b", 1, "hold"),
        ("c", 0, "front"),
    ]
    # Other startup code: what the lane knew of the code before is of no use.
    assert (await again.ask("plans_existing", lane="b"))["plans_existing"] == {}
    assert "count" in (await again.ask("plans_existing", lane="c"))["plans_existing"]
    await again.ask("queue_clear", lane="b")
    await again.ask("manager_stop")
    await again.ended()
    assert [lane["lane"] for lane in (await start(data).ask("status"))["lanes"]] == ["default"]


# --- a lock whose key is lost ---------------------------------------------------------------------------------------


async def test_a_lock_is_cleared_only_while_neither_manager_nor_supervisor_runs(data, start):
    running = start(data)
    await running.ask("lock", lock_key="lost", user="anna", queue=True)
    with pytest.raises(StateError, match=f"process {os.getpid()}"):
        await clear_lock(data, "ben")
    await running.ask("manager_stop")
    await running.ended()
    with PidFile.claim(data / SUPERVISOR_FILE), pytest.raises(PidFileTakenError, match=f"process {os.getpid()}"):
        await clear_lock(data, "ben")

    cleared = await clear_lock(data, "ben")
    assert (cleared.queue, cleared.environment, cleared.user) == (True, False, "anna")
    assert not (await clear_lock(data, "ben")).is_set
    again = start(data)
    assert (await again.ask("status"))["lock"] == {"environment": False, "queue": False}
    kinds = [event["kind"] for event in (await again.ask("events_get"))["events"]]
    assert kinds.count("clear_lock") == 1


async def test_a_place_without_data_has_no_lock_and_stays_as_it_is(tmp_path):
    with pytest.raises(NotFoundError, match="nothing was ever stored"):
        await clear_lock(tmp_path / "nowhere", "ben")
    with pytest.raises(NotFoundError, match="nothing was ever stored"):
        await clear_lock(tmp_path, "ben")
    assert list(tmp_path.iterdir()) == []


async def test_the_lock_of_a_damaged_store_is_not_cleared(data, start):
    running = start(data)
    await running.ask("manager_stop")
    await running.ended()
    (data / "queue.sqlite").unlink()
    with pytest.raises(StorageError, match="missing"):
        await clear_lock(data, "ben")
