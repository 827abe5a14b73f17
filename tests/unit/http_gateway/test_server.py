"""The listening socket, the addresses that are told, and the lines that a start leaves in the log."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest
import zmq
import zmq.asyncio

from http_gateway.config import GatewaySettings
from http_gateway.server import bind, places_of, warn_if_open
from queue_server.protocol.codec import encode
from tests.doubles.gateway import running_gateway


@pytest.fixture
def bound():
    """Make a listening socket; all are closed at the end."""
    made = []

    def make(address):
        made.append(bind(address))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize(
    ("address", "http", "url"),
    [
        ("127.0.0.1:0", "127.0.0.1:{}", "http://127.0.0.1:{}"),
        ("localhost:0", "127.0.0.1:{}", "http://127.0.0.1:{}"),
        ("0.0.0.0:0", "0.0.0.0:{}", "http://127.0.0.1:{}"),
        ("[::1]:0", "[::1]:{}", "http://[::1]:{}"),
        ("[::]:0", "[::]:{}", "http://[::1]:{}"),
    ],
)
def test_the_addresses_that_are_told_can_be_used_on_this_host(bound, tmp_path, address, http, url):
    listening = bound(address)
    port = listening.getsockname()[1]
    assert places_of(listening, GatewaySettings(data=tmp_path)) == (http.format(port), url.format(port))


def test_an_address_in_use_is_refused_with_its_name(bound):
    port = bound("127.0.0.1:0").getsockname()[1]
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
        bind(f"127.0.0.1:{port}")


def test_a_host_that_does_not_exist_is_refused_with_its_name():
    with pytest.raises(OSError, match=r"cannot listen on no\.such\.host\.invalid:1: "):
        bind("no.such.host.invalid:1")


@pytest.mark.parametrize(("address", "warnings"), [("127.0.0.1:0", 0), ("[::1]:0", 0), ("0.0.0.0:0", 1)])
def test_an_open_address_without_tls_is_warned_of(bound, tmp_path, caplog, address, warnings):
    warn_if_open(bound(address), GatewaySettings(data=tmp_path))
    assert len(caplog.records) == warnings


def test_an_open_address_with_tls_is_not_warned_of(bound, tmp_path, caplog):
    warn_if_open(bound("0.0.0.0:0"), GatewaySettings(data=tmp_path, tls_cert=tmp_path / "c", tls_key=tmp_path / "k"))
    assert caplog.records == []


async def test_the_line_that_scripts_wait_for_is_logged_early(manager, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        async with running_gateway(manager, tmp_path):
            lines = caplog.messages
    assert "Bluesky HTTP Server started successfully" in lines[:20]


async def test_variables_of_uvicorn_change_nothing(manager, tmp_path, monkeypatch):
    monkeypatch.setenv("WEB_CONCURRENCY", "nonsense")
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    async with running_gateway(manager, tmp_path) as client:
        assert (await client.get("/api/status")).status_code == 200


async def test_a_port_is_free_again_after_the_end(manager, tmp_path):
    async with running_gateway(manager, tmp_path) as client:
        place = (client.base_url.host, client.base_url.port)
    with socket.create_server(place):
        pass


@pytest.fixture
async def encrypted(manager):
    """A manager whose control socket is encrypted, and whose notices are not: its address and its public key."""
    public, secret = zmq.curve_keypair()
    context = zmq.asyncio.Context()
    router = context.socket(zmq.ROUTER)
    router.curve_server, router.curve_secretkey = True, secret
    port = router.bind_to_random_port("tcp://127.0.0.1")

    async def answer():
        while True:
            *route, _ = await router.recv_multipart()
            await router.send_multipart([*route, encode(manager.status | {"msg": "RE Manager behind CURVE"}, "json")])

    answering = asyncio.create_task(answer())
    yield f"tcp://127.0.0.1:{port}", public.decode()
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)
    context.destroy(0)


async def test_a_manager_with_an_encrypted_socket_is_reached_with_its_public_key(manager, encrypted, tmp_path):
    control, key = encrypted
    async with running_gateway(manager, tmp_path, control=control, server_key=key) as client:
        assert (await client.get("/api/ping")).json()["msg"] == "RE Manager behind CURVE"


async def test_a_manager_with_another_key_is_as_good_as_absent(manager, encrypted, tmp_path):
    other = zmq.curve_keypair()[0].decode()
    async with running_gateway(manager, tmp_path, control=encrypted[0], server_key=other, timeout_s=0.3) as client:
        assert (await client.get("/api/ping")).status_code == 408


async def test_the_private_socket_of_our_own_manager_needs_no_key(manager, tmp_path, monkeypatch):
    monkeypatch.setenv("QSERVER_ZMQ_PUBLIC_KEY", zmq.curve_keypair()[0].decode())
    context = zmq.asyncio.Context()
    router = context.socket(zmq.ROUTER)
    router.bind(f"ipc://{tmp_path}/s")
    async with running_gateway(manager, tmp_path, control=f"ipc://{tmp_path}/s") as client:
        asking = asyncio.create_task(client.get("/api/ping"))
        async with asyncio.timeout(10):
            *route, _ = await router.recv_multipart()
        await router.send_multipart([*route, encode(manager.status, "json")])
        assert (await asking).json()["manager_state"] == "idle"
    context.destroy(0)
