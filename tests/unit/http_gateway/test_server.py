"""The listening socket, the addresses that are told, and the lines that a start leaves in the log."""

from __future__ import annotations

import asyncio
import logging
import socket

import httpx
import pytest
import zmq
import zmq.asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from http_gateway.config import GatewaySettings
from http_gateway.server import GRACE_S, Listener, bind, places_of, serve, warn_if_open
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


# --- behind a proxy -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "key"),
    [("/api/x", "detail"), ("/api/v1/exam/x/y", "detail"), ("/flowserv/api/v1/x", "message"), ("/v1/x", "request_id")],
)
async def test_below_the_path_of_a_proxy_errors_have_the_form_of_their_face(manager, tmp_path, path, key):
    async with running_gateway(manager, tmp_path, root_path="/beam/api", most_body_bytes=10) as client:
        # The proxy takes its own path away before it passes a request on.
        unknown, large = await client.get(path), await client.post(path, content=b"x" * 11)
        assert (unknown.status_code, large.status_code) == (404, 413)
        assert key in unknown.json()
        assert key in large.json()


async def test_below_the_path_of_a_proxy_routes_and_aliases_are_found(manager, tmp_path):
    async with running_gateway(manager, tmp_path, root_path="/beam", finch_paths=True) as client:
        for path in ("/api/status", "/api/qserver/status", "/v1/status", "/docs"):
            assert (await client.get(path)).status_code == 200, path
        assert (await client.get("/api", follow_redirects=False)).headers["location"] == "/beam/api/"
        wrong = {"Authorization": "ApiKey wrong"}
        assert (await client.get("/api/status", headers=wrong)).json() == {"detail": "Invalid API key"}
        assert (await client.post("/api/status")).json() == {"detail": "Method Not Allowed"}


# --- the end --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def begin(manager, tmp_path):
    """Serve; return the address, the headers with the key, and what ends it and returns how long that took."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    ready = loop.create_future()
    settings = GatewaySettings(control=manager.control, info=manager.info, http="127.0.0.1:0", data=tmp_path)
    serving = asyncio.create_task(serve(settings, Listener(lambda _, url: ready.set_result(url), lambda: None), stop))

    async def end():
        begun = loop.time()
        stop.set()
        async with asyncio.timeout(60):
            await serving
        return loop.time() - begun

    async with asyncio.timeout(60):
        address = await ready
    yield address, {"Authorization": f"ApiKey {(tmp_path / 'api-key').read_text().strip()}"}, end
    await end()


@pytest.mark.parametrize("path", ["/v1/stream?topics=status", "/api/stream_console_output"])
async def test_an_endless_answer_ends_in_order_and_at_once_with_the_gateway(begin, path):
    address, headers, end = begin
    async with httpx.AsyncClient(base_url=address, headers=headers) as client, client.stream("GET", path) as answer:
        assert answer.status_code == 200
        parts = answer.aiter_raw()
        if "v1" in path:
            assert b"event: " in await anext(parts)
        ending = asyncio.create_task(end())
        # Without an end in order this would raise.
        rest = [part async for part in parts]
        assert all(isinstance(part, bytes) for part in rest)
        assert await ending < GRACE_S


@pytest.mark.parametrize("path", ["/v1/stream", "/api/status/ws", "/api/console_output/ws"])
async def test_a_socket_is_told_that_the_gateway_ends(begin, path):
    address, headers, end = begin
    async with connect(address.replace("http", "ws", 1) + path, additional_headers=headers) as socket_:
        if "console" not in path:
            await socket_.recv()
        ending = asyncio.create_task(end())
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await socket_.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        assert await ending < GRACE_S


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
        async with asyncio.timeout(60):
            *route, _ = await router.recv_multipart()
        await router.send_multipart([*route, encode(manager.status, "json")])
        assert (await asking).json()["manager_state"] == "idle"
    context.destroy(0)
