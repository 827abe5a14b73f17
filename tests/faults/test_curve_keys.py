"""Z4, Z5: who gets in with which key, what a key may do, and how soon a key that was taken off the list is out."""

from __future__ import annotations

import asyncio
import time

import pytest
import zmq
import zmq.asyncio

from queue_server.clock import SystemClock
from queue_server.transport.allow_list import AllowList
from queue_server.transport.curve import Admission, Curve, Gate
from queue_server.transport.notices import Form, NoticesSocket
from tests.faults import flood
from tests.faults.askers import Asker, Keys, asking, measure_status, p99
from tests.faults.tiers import SLACK
from tests.processes.lone import Manager

SERVER_PUBLIC, SERVER_SECRET = zmq.curve_keypair()
MOST_CUT_S = 5.0
MOST_HANDSHAKE_MS = 200
# Long enough for a handshake that succeeds, many times over.
REFUSED_S = 1.0
ITEM = {"item_type": "plan", "name": "quick"}


@pytest.fixture
def listed(directory):
    """The list of admitted clients, empty at first: write to it as an operator does."""
    file = directory / "clients"
    file.write_text("# clients\n")
    return file


@pytest.fixture
def manager(directory, listed):
    """A manager that admits those on the list."""
    secret = directory / "server.secret"
    secret.write_bytes(SERVER_SECRET)
    secret.chmod(0o600)
    manager = Manager(directory / "data", forks=True, curve_secret_key_file=str(secret), curve_clients_file=str(listed))
    assert manager.wait_ready()
    yield manager
    assert manager.is_alive
    assert "Traceback" not in manager.log()
    manager.kill()


@pytest.fixture
def admit(listed):
    """Write the list anew, with these lines."""

    def admit(*owners):
        fresh = listed.with_name("fresh")
        fresh.write_text("".join(f"{keys.public.decode()} {text}\n" for keys, text in owners))
        fresh.replace(listed)

    return admit


def make_peers(admit):
    """Return the keys of the four kinds of peers; the first one is registered."""
    anna = Keys.make(SERVER_PUBLIC)
    admit((anna, "anna"))
    elsewhere = Keys(zmq.curve_keypair()[0], anna.public, anna.secret)
    return {"registered": anna, "random": Keys.make(SERVER_PUBLIC), "wrong server": elsewhere, "none": None}


@pytest.mark.fault("Z4")
def test_on_the_control_socket_only_the_registered_key_is_answered(manager, admit, figure):
    askers = {name: Asker(manager.ready["control"], keys) for name, keys in make_peers(admit).items()}
    for asker in askers.values():
        asker.post("status")
    until = time.monotonic() + REFUSED_S
    registered = askers["registered"].receive()
    answered = ["registered"] if registered and registered["manager_state"] else []
    answered += [name for name, asker in askers.items() if asker.receive(max(0, until - time.monotonic()))]
    for asker in askers.values():
        asker.close()
    figure("control: accepted of registered, random, wrong server, no key", "registered", ", ".join(answered))
    assert answered == ["registered"]


@pytest.mark.fault("Z4")
def test_a_revoked_key_is_cut_off_an_open_connection_and_cannot_come_back(manager, admit, figure):
    anna, berta = Keys.make(SERVER_PUBLIC), Keys.make(SERVER_PUBLIC)
    admit((anna, "anna"), (berta, "berta"))
    control = manager.ready["control"]
    with asking(control, anna) as revoked, asking(control, berta) as other:
        assert revoked.must("status")["manager_state"] == other.must("status")["manager_state"] == "idle"
        admit((berta, "berta"))
        seconds = revoked.wait_until_cut(SLACK * MOST_CUT_S)
        figure("control: a revoked key is cut, s", MOST_CUT_S, f"{seconds:.3f}")
        assert revoked.ask("status", REFUSED_S) is None
        assert other.must("status")["manager_state"] == "idle"
    assert "is not admitted" in manager.log()


@pytest.mark.fault("Z4")
def test_a_key_may_do_what_its_scopes_say_and_a_change_of_them_counts_at_once(manager, admit):
    anna = Keys.make(SERVER_PUBLIC)
    admit((anna, "anna [read:*]"))
    with asking(manager.ready["control"], anna) as asker:
        assert asker.must("queue_get")["success"]
        refused = asker.must("queue_clear")
        assert (refused["success"], refused["error"]["code"]) == (False, "forbidden")
        assert "write:queue:edit" in refused["msg"]
        admit((anna, "anna [read:* write:queue:*]"))
        until = time.monotonic() + MOST_CUT_S
        while not asker.must("queue_clear")["success"]:
            assert time.monotonic() < until, "the new scopes do not count"
        admit((anna, "anna [read:status]"))
        while asker.must("queue_clear")["success"]:
            assert time.monotonic() < until + MOST_CUT_S, "the old scopes still count"


def test_the_user_is_the_owner_of_the_key_whatever_the_message_says(manager, admit):
    anna = Keys.make(SERVER_PUBLIC)
    admit((anna, "anna"))
    with asking(manager.ready["control"], anna) as asker:
        lock = {"lock_key": "a", "environment": False, "queue": True, "user": "berta"}
        assert asker.must("lock", **lock)["success"]
        assert asker.must("lock_info")["lock_info"]["user"] == "anna"
        assert {event["origin"]["user"] for event in asker.must("events_get")["events"] if event["kind"] == "lock"} == {
            "anna"
        }
        message = asker.must("queue_mode_set", mode={"loop": True}, lock_key="b")["msg"]
        assert "anna" in message


def test_only_a_key_with_the_right_to_delegate_may_speak_for_others(manager, admit):
    gateway, anna = Keys.make(SERVER_PUBLIC), Keys.make(SERVER_PUBLIC)
    admit((gateway, "gateway [delegate]"), (anna, "anna"))
    request = b'{"method": "queue_clear", "origin": {"user": "carla", "scopes": ["read:status"]}}'
    codes = {}
    for name, keys in (("gateway", gateway), ("anna", anna)):
        with asking(manager.ready["control"], keys) as asker:
            asker.socket.send(request)
            reply = asker.receive()
            assert reply is not None, f"{name} was not answered"
            codes[name] = reply["msg"]
    assert "needs the scope 'write:queue:edit'" in codes["gateway"]
    assert "'origin' is accepted only" in codes["anna"]


def test_while_the_list_cannot_be_read_open_connections_stay_and_new_ones_are_refused(manager, admit, listed):
    anna, berta = Keys.make(SERVER_PUBLIC), Keys.make(SERVER_PUBLIC)
    admit((anna, "anna"), (berta, "berta"))
    control = manager.ready["control"]
    with asking(control, anna) as asker:
        assert asker.must("status")
        listed.write_text("nonsense\n")
        with asking(control, berta) as refused:
            assert refused.ask("status", REFUSED_S) is None
        assert asker.must("status")["manager_state"] == "idle"


# --- notices: the socket of the manager, on an address where the manager itself would not encrypt it ----------------


@pytest.fixture
async def notices(listed):
    """An encrypted notices socket on the loopback interface, with its gate."""
    context = zmq.Context()
    gate = Gate(context, Curve(SERVER_SECRET, Admission(AllowList(listed), stock_key=False)))
    socket = NoticesSocket(context, "tcp://127.0.0.1:0", clock=SystemClock(), form=Form(), guard=gate.admit_clients())
    yield socket
    socket.close()
    gate.close()
    context.term()


@pytest.fixture
async def subscribe(notices):
    """Subscribe to console output with a key."""
    context = zmq.asyncio.Context()

    def subscribe(keys):
        socket = context.socket(zmq.SUB)
        socket.set(zmq.LINGER, 0)
        if keys is not None:
            keys.put_on(socket)
        socket.subscribe(b"")
        socket.connect(notices.address)
        return socket

    yield subscribe
    context.destroy(0)


async def listen(socket, seconds):
    """Return the next notice, or None."""
    return await socket.recv_multipart() if await socket.poll(int(seconds * 1000)) else None


async def publish_until_heard(notices, *sockets):
    """Publish until each of them has heard something."""
    missing = set(sockets)
    async with asyncio.timeout(60):
        while missing:
            notices.publish_console(0.0, "hello")
            missing -= {socket for socket in missing if await listen(socket, 0.02)}


@pytest.mark.fault("Z4")
async def test_on_the_notices_socket_only_the_registered_key_hears_anything(notices, subscribe, admit, figure):
    sockets = {name: subscribe(keys) for name, keys in make_peers(admit).items()}
    await publish_until_heard(notices, sockets["registered"])
    await asyncio.sleep(REFUSED_S)
    notices.publish_console(0.0, "again")
    heard = [name for name, socket in sockets.items() if await listen(socket, 0.2)]
    figure("notices: accepted of registered, random, wrong server, no key", "registered", ", ".join(heard))
    assert heard == ["registered"]


@pytest.mark.fault("Z4")
async def test_a_revoked_subscriber_hears_nothing_more_and_the_others_lose_nothing(notices, subscribe, admit, figure):
    anna, berta = Keys.make(SERVER_PUBLIC), Keys.make(SERVER_PUBLIC)
    admit((anna, "anna"), (berta, "berta"))
    revoked, other = subscribe(anna), subscribe(berta)
    await publish_until_heard(notices, revoked, other)
    while await listen(revoked, 0.1) or await listen(other, 0.1):
        pass
    monitor = revoked.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    begin = time.monotonic()
    admit((berta, "berta"))
    numbers = []
    while not await monitor.poll(0) and time.monotonic() < begin + SLACK * MOST_CUT_S:
        notices.publish_console(float(len(numbers)), "counted")
        numbers.append(len(numbers))
        await asyncio.sleep(0.001)
    seconds = time.monotonic() - begin
    figure("notices: a revoked key is cut, s", MOST_CUT_S, f"{seconds:.3f}")
    assert seconds < SLACK * MOST_CUT_S
    while await listen(revoked, 0.1):
        pass
    notices.publish_console(0.0, "secret")
    assert await listen(revoked, REFUSED_S) is None
    heard = 0
    while await listen(other, 0.2):
        heard += 1
    assert heard == len(numbers) + 1
    revoked.disable_monitor()


# --- handshakes in great number -------------------------------------------------------------------------------------


def check_handshakes(manager, admit, figure, seconds):
    anna, guests = Keys.make(SERVER_PUBLIC), Keys.make(SERVER_PUBLIC)
    admit((anna, "anna"), (guests, "guests"))
    control = manager.ready["control"]
    with asking(control, anna) as asker:
        asker.must("status")
        process = flood.start("handshakes", control, 500, seconds, guests)
        times = measure_status(asker, seconds)
        made = flood.finish(process, 30)["made"]
    reached = p99(times)
    figure(f"status p99, {seconds} s of {made / seconds:.0f} handshakes/s, ms", MOST_HANDSHAKE_MS, f"{reached:.1f}")
    assert made >= 450 * seconds
    assert reached <= SLACK * MOST_HANDSHAKE_MS


def test_five_seconds_of_handshakes_disturb_nobody(manager, admit, figure):
    check_handshakes(manager, admit, figure, 5)


@pytest.mark.night
@pytest.mark.fault("Z5")
def test_a_minute_of_handshakes_disturbs_nobody(manager, admit, figure):
    check_handshakes(manager, admit, figure, 60)
