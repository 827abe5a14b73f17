"""Who is admitted to an encrypted socket: the key of the manager, the list of clients, and what ZAP is answered."""

from __future__ import annotations

import asyncio

import pytest
import zmq
import zmq.asyncio
from zmq.utils import z85

from queue_server.config import SECRET_KEY_VARIABLE, Settings
from queue_server.protocol.curve_keys import SHARED_PUBLIC_KEY
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.peer import ANYBODY, Peer
from queue_server.transport.allow_list import AllowList
from queue_server.transport.curve import Admission, Curve, Gate, read_curve
from tests.doubles.peers import PATIENCE_S
from tests.doubles.peers import Peer as Asker

PUBLIC, SECRET = zmq.curve_keypair()
ANNA_PAIR = zmq.curve_keypair()
ANNA, BERTA = ANNA_PAIR[0], zmq.curve_keypair()[0]


@pytest.fixture(autouse=True)
def environ(monkeypatch):
    """An environment without keys."""
    monkeypatch.delenv(SECRET_KEY_VARIABLE, raising=False)
    return monkeypatch


@pytest.fixture
def write(tmp_path):
    """Write a file that nobody else may read; return its path."""

    def write(name, *lines):
        file = tmp_path / name
        file.write_bytes(b"\n".join(lines) + b"\n")
        file.chmod(0o600)
        return file

    return write


# --- what the settings say ------------------------------------------------------------------------------------------


def read(**settings):
    return read_curve(Settings.model_validate(settings))


def test_without_a_key_nothing_is_encrypted(write):
    assert read() is None
    assert read(curve_clients_file=write("clients", ANNA)) is None


def test_the_key_of_a_file_admits_the_listed_clients_only(write):
    curve = read(curve_secret_key_file=write("secret", SECRET), curve_clients_file=write("clients", ANNA + b" Anna"))
    assert curve is not None
    assert curve.secret_key == SECRET
    assert SECRET.decode() not in repr(curve)
    assert [curve.admission.find(key) for key in (ANNA, BERTA, SHARED_PUBLIC_KEY)] == [Peer("Anna"), None, None]


def test_the_key_of_the_stock_variable_admits_the_clients_that_share_a_key(environ, write):
    environ.setenv(SECRET_KEY_VARIABLE, SECRET.decode())
    curve = read()
    assert curve is not None
    assert curve.admission.find(SHARED_PUBLIC_KEY) == ANYBODY
    assert curve.admission.find(ANNA) is None
    clients = write("clients", ANNA + b" Anna")
    strict = read(curve_clients_file=clients, curve_accept_stock_key=False)
    assert strict is not None
    assert [strict.admission.find(key) for key in (ANNA, SHARED_PUBLIC_KEY)] == [Peer("Anna"), None]


def test_a_key_file_wins_over_the_variable_and_does_not_admit_the_shared_key_by_itself(environ, write):
    environ.setenv(SECRET_KEY_VARIABLE, zmq.curve_keypair()[1].decode())
    file = write("secret", SECRET)
    curve = read(curve_secret_key_file=file, curve_accept_stock_key=True)
    assert curve is not None
    assert curve.secret_key == SECRET
    assert curve.admission.find(SHARED_PUBLIC_KEY) == ANYBODY
    with pytest.raises(ParameterError, match="curve_clients_file"):
        read(curve_secret_key_file=file)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_may_use_is_refused(write, mode):
    file = write("secret", SECRET)
    file.chmod(mode)
    with pytest.raises(ParameterError, match="chmod 600"):
        read(curve_secret_key_file=file, curve_accept_stock_key=True)


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 40])
def test_a_key_file_without_a_key_is_refused_by_name(write, content):
    with pytest.raises(ParameterError, match="curve_secret_key_file"):
        read(curve_secret_key_file=write("secret", content), curve_accept_stock_key=True)


def test_a_missing_key_file_is_refused_by_name(tmp_path):
    with pytest.raises(ParameterError, match="curve_secret_key_file"):
        read(curve_secret_key_file=tmp_path / "nowhere", curve_accept_stock_key=True)


# --- the answers of the gate ----------------------------------------------------------------------------------------


@pytest.fixture
async def gate(context, write):
    """A gate that admits one client."""
    gate = Gate(context, Curve(SECRET, Admission(AllowList(write("clients", ANNA + b" Anna")), stock_key=False)))
    yield gate
    gate.close()


def zap(key=ANNA, version=b"1.0", domain=b"cuelight", mechanism=b"CURVE"):
    return [version, b"7", domain, b"127.0.0.1", b"", mechanism, z85.decode(key)]


@pytest.fixture
def ask(context):
    """Ask the gate as libzmq does."""
    socket = zmq.asyncio.Context.shadow(context).socket(zmq.REQ)

    async def ask(*frames):
        peer = Asker(socket)
        return await peer.ask(*frames)

    socket.connect("inproc://zeromq.zap.01")
    yield ask
    socket.close(0)


async def test_a_listed_client_is_admitted_and_known_by_its_key(gate, ask):
    assert await ask(*zap()) == [b"1.0", b"7", b"200", b"OK", ANNA, b""]
    assert gate.refused == 0


WORKER = zmq.curve_keypair()[0]


@pytest.fixture
async def gate_of_both(context, write):
    """A gate that admits a client and a worker, whose list has the shared key too."""
    workers = AllowList(write("workers", WORKER + b" default", SHARED_PUBLIC_KEY), "curve_workers_file")
    gate = Gate(context, Curve(SECRET, Admission(AllowList(write("clients", ANNA + b" Anna")), True), workers))
    yield gate
    gate.close()


@pytest.mark.parametrize(
    ("key", "domain", "code"),
    [
        (WORKER, b"cuelight.workers", b"200"),
        (WORKER, b"cuelight", b"400"),
        (ANNA, b"cuelight.workers", b"400"),
        (ANNA, b"cuelight", b"200"),
        # Everybody has the private key of this one.
        (SHARED_PUBLIC_KEY, b"cuelight.workers", b"400"),
        (SHARED_PUBLIC_KEY, b"cuelight", b"200"),
    ],
    ids=range(6),
)
async def test_workers_and_clients_are_admitted_by_lists_of_their_own(gate_of_both, ask, key, domain, code):
    assert (await ask(*zap(key, domain=domain)))[2] == code


async def test_nobody_is_a_worker_without_a_list_of_workers(gate, ask):
    assert not gate.knows_workers
    assert (await ask(*zap(domain=b"cuelight.workers")))[2] == b"400"


def test_a_list_of_workers_needs_a_key_of_the_manager(write):
    with pytest.raises(ParameterError, match="curve_secret_key_file"):
        read(curve_workers_file=write("workers", WORKER))


def test_a_list_of_workers_that_cannot_be_read_is_named(write, tmp_path):
    with pytest.raises(ParameterError, match="'curve_workers_file'"):
        read(
            curve_secret_key_file=write("secret", SECRET),
            curve_accept_stock_key=True,
            curve_workers_file=tmp_path / "nowhere",
        )


@pytest.mark.parametrize(
    "request_",
    [
        zap(BERTA),
        zap(SHARED_PUBLIC_KEY),
        zap(version=b"2.0"),
        zap(domain=b"other"),
        zap(mechanism=b"NULL"),
        zap()[:-1],
        [*zap(), b"more"],
    ],
)
async def test_whatever_else_is_asked_is_refused_and_the_next_one_is_answered(gate, ask, request_, caplog):
    reply = await ask(*request_)
    assert reply[:3] == [b"1.0", b"7", b"400"]
    assert reply[4] == b""
    assert gate.refused == 1
    assert (await ask(*zap()))[2] == b"200"


async def test_a_refusal_tells_the_key_and_where_it_came_from(gate, ask, caplog):
    await ask(*zap(BERTA))
    assert BERTA.decode() in caplog.text
    assert "127.0.0.1" in caplog.text


async def test_a_protected_socket_carries_messages_of_admitted_clients_only(gate, context, address, connect):
    router = context.socket(zmq.ROUTER)
    gate.admit_clients().protect(router)
    router.bind(address)
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(router.FD, told.set)
    try:
        async with asyncio.timeout(PATIENCE_S):
            stranger = connect(zmq.DEALER, **keys_of(zmq.curve_keypair()))
            failed = stranger.socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_AUTH)
            await failed.recv_multipart()
            stranger.socket.disable_monitor()
            failed.close(0)
            assert gate.refused == 1
            await connect(zmq.DEALER, **keys_of(ANNA_PAIR)).send(b"hello")
            while not router.poll(0):
                told.clear()
                await told.wait()
        assert router.recv_multipart()[1] == b"hello"
    finally:
        loop.remove_reader(router.FD)
        router.close(0)


def keys_of(pair):
    return {"CURVE_SERVERKEY": PUBLIC, "CURVE_PUBLICKEY": pair[0], "CURVE_SECRETKEY": pair[1]}
