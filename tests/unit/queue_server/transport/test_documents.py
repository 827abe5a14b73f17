"""The documents socket: from any worker to every subscriber, and on an open address only from and to those listed."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager

import pytest
import zmq
import zmq.asyncio

from queue_server.config import Settings
from queue_server.protocol.errors import ParameterError
from queue_server.transport.allow_list import AllowList
from queue_server.transport.curve import Admission, Curve, Gate
from queue_server.transport.documents import DocumentsSocket, Door, open_documents

PATIENCE_S = 30
MANAGER = zmq.curve_keypair()
ANNA, BERTA, WORKER = zmq.curve_keypair(), zmq.curve_keypair(), zmq.curve_keypair()


@pytest.fixture
def outside():
    """The sockets of others, by kind, address and key pair; all are closed with the test."""
    context = zmq.asyncio.Context()
    made = []

    def connect(kind, address, keys=None):
        socket = context.socket(kind)
        made.append(socket)
        socket.setsockopt(zmq.RECONNECT_IVL, 5)
        if keys is not None:
            socket.curve_publickey, socket.curve_secretkey = keys
            socket.curve_serverkey = MANAGER[0]
        if kind == zmq.SUB:
            socket.setsockopt(zmq.SUBSCRIBE, b"default/")
        socket.connect(address)
        return socket

    yield connect
    for socket in made:
        socket.close(0)
    context.term()


async def within(awaitable):
    """Return what comes in time."""
    async with asyncio.timeout(PATIENCE_S):
        return await awaitable


@contextmanager
def watched(socket, events):
    """Give the socket that tells what happens to the connection of another."""
    monitor = socket.get_monitor_socket(events)
    try:
        yield monitor
    finally:
        socket.disable_monitor()
        monitor.close(0)


async def hear_one(publisher, subscriber, frames):
    """Publish until the subscriber hears it: a subscription needs a moment to arrive."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await publisher.send_multipart(frames)
            if await subscriber.poll(20):
                return await subscriber.recv_multipart()


async def test_documents_of_several_workers_reach_every_subscriber_of_their_lane(context, outside, tmp_path):
    near, far = f"ipc://{tmp_path}/in", f"ipc://{tmp_path}/far"
    documents = DocumentsSocket(context, Door("tcp://127.0.0.1:0"), [Door(near), Door(far)])
    assert not documents.address.endswith(":0")
    first, second = outside(zmq.SUB, documents.address), outside(zmq.SUB, documents.address)
    one, other = outside(zmq.XPUB, near), outside(zmq.XPUB, far)
    for publisher in (one, other):
        assert await within(publisher.recv()) == b"\1default/"
        await publisher.send_multipart([b"b/event", b"of another lane", b""])
    for publisher, frames in ((one, [b"default/event", b"1", b"x"]), (other, [b"default/event", b"2", b"y"])):
        for subscriber in (first, second):
            while await hear_one(publisher, subscriber, frames) != frames:
                pass
    documents.close()


async def test_a_worker_learns_that_nobody_subscribes_any_more(context, outside, tmp_path):
    near = f"ipc://{tmp_path}/in"
    documents = DocumentsSocket(context, Door(f"ipc://{tmp_path}/out"), [Door(near)])
    publisher, subscriber = outside(zmq.XPUB, near), outside(zmq.SUB, documents.address)
    assert await within(publisher.recv()) == b"\1default/"
    subscriber.close(0)
    assert await within(publisher.recv()) == b"\0default/"
    documents.close()


async def test_an_address_that_is_taken_is_named_and_nothing_stays_open(context, outside, tmp_path):
    taken = outside(zmq.PUB, f"ipc://{tmp_path}/none")
    port = taken.bind_to_random_port("tcp://127.0.0.1")
    for doors in (
        (Door(f"tcp://127.0.0.1:{port}"), [Door(f"ipc://{tmp_path}/in")]),
        (Door(f"ipc://{tmp_path}/out"), [Door(f"ipc://{tmp_path}/in"), Door(f"tcp://127.0.0.1:{port}")]),
    ):
        with pytest.raises(OSError, match=f"cannot bind tcp://127.0.0.1:{port}"):
            DocumentsSocket(context, *doors)


# --- with keys ------------------------------------------------------------------------------------------------------


@pytest.fixture
def lists(tmp_path):
    """Write the list of clients, or of workers; return its path."""

    def write(name, *keys):
        path = tmp_path / name
        unfinished = tmp_path / f"{name}.new"
        unfinished.write_bytes(b"".join(key + b" somebody\n" for key, _ in keys))
        unfinished.replace(path)
        return path

    return write


@pytest.fixture
async def gate(context, lists):
    """A gate that admits Anna, Berta and a worker."""
    clients = AllowList(lists("clients", ANNA, BERTA))
    workers = AllowList(lists("workers", WORKER), "curve_workers_file")
    gate = Gate(context, Curve(MANAGER[1], Admission(clients, stock_key=False), workers))
    yield gate
    gate.close()


@pytest.fixture
async def sealed(context, gate, tmp_path):
    """A documents socket that encrypts at both sides, but not for workers of this host."""
    far = f"ipc://{tmp_path}/far"
    documents = DocumentsSocket(
        context,
        Door("tcp://127.0.0.1:0", gate.admit_subscribers()),
        [Door(far, gate.admit_publishers()), Door(f"ipc://{tmp_path}/in")],
    )
    yield documents
    documents.close()


async def test_who_is_listed_subscribes_and_publishes_encrypted(sealed, outside, tmp_path):
    subscriber = outside(zmq.SUB, sealed.address, ANNA)
    for name, keys in (("far", WORKER), ("in", None)):
        publisher = outside(zmq.XPUB, f"ipc://{tmp_path}/{name}", keys)
        assert await within(publisher.recv()) == b"\1default/"
        assert await hear_one(publisher, subscriber, [b"default/event", name.encode()])


@pytest.mark.parametrize(
    ("kind", "place", "keys"),
    [(zmq.SUB, "out", WORKER), (zmq.SUB, "out", zmq.curve_keypair()), (zmq.XPUB, "far", ANNA)],
)
async def test_who_is_not_listed_for_it_is_refused(sealed, outside, tmp_path, kind, place, keys):
    stranger = outside(kind, sealed.address if place == "out" else f"ipc://{tmp_path}/{place}", keys)
    with watched(stranger, zmq.EVENT_HANDSHAKE_FAILED_AUTH) as monitor:
        await within(monitor.recv_multipart())


async def test_without_a_key_nobody_gets_in(sealed, outside):
    stranger = outside(zmq.SUB, sealed.address)
    with watched(stranger, zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_DISCONNECTED) as monitor:
        await within(monitor.recv_multipart())


async def test_who_is_taken_off_the_list_is_cut_off_and_the_others_come_back(sealed, outside, lists, tmp_path):
    anna, berta = outside(zmq.SUB, sealed.address, ANNA), outside(zmq.SUB, sealed.address, BERTA)
    publisher = outside(zmq.XPUB, f"ipc://{tmp_path}/in")
    for subscriber in (anna, berta):
        assert await hear_one(publisher, subscriber, [b"default/event", b"before"])
    with watched(anna, zmq.EVENT_HANDSHAKE_FAILED_AUTH) as monitor:
        lists("clients", BERTA)
        await within(monitor.recv_multipart())
    while await anna.poll(0):
        await anna.recv_multipart()
    async with asyncio.timeout(PATIENCE_S):
        while await hear_one(publisher, berta, [b"default/event", b"after"]) != [b"default/event", b"after"]:
            pass
    assert not await anna.poll(0)


# --- what the settings say ------------------------------------------------------------------------------------------


async def test_documents_of_other_hosts_need_a_list_of_workers(context, tmp_path, gate):
    settings = Settings.model_validate(
        {"documents": "tcp://127.0.0.1:0", "worker_documents": "tcp://0.0.0.0:60621", "data": tmp_path}
    )
    with pytest.raises(ParameterError, match=r"'worker_documents'.* curve_workers_file"):
        open_documents(context, settings, None, f"ipc://{tmp_path}/in")


async def test_on_this_host_nothing_is_encrypted(context, outside, tmp_path, gate):
    settings = Settings.model_validate({"documents": "tcp://127.0.0.1:0", "data": tmp_path})
    near = f"ipc://{tmp_path}/in"
    documents = open_documents(context, settings, gate, near)
    publisher, subscriber = outside(zmq.XPUB, near), outside(zmq.SUB, documents.address)
    assert await hear_one(publisher, subscriber, [b"default/event", b"x"])
    documents.close()


@pytest.mark.parametrize("address", ["nowhere", "ipc:///x", "tcp://127.0.0.1:0"])
def test_an_address_that_workers_could_not_find_again_is_refused(address, tmp_path):
    with pytest.raises(ValueError, match="worker_documents"):
        Settings.model_validate({"worker_documents": address, "data": tmp_path})
