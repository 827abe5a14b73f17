"""Connections as the server has them: answers that reach who still sends, and an end for who reads nothing."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from contextlib import asynccontextmanager

import pytest
import uvicorn

from http_gateway.connections import (
    MOST_HEAD_BYTES,
    PATIENCE,
    STALLED_SOCKET_S,
    PatientProtocol,
    PatientSocketProtocol,
)
from tests.doubles.gateway import PATIENCE_S, running_gateway

LARGE = b"x" * 500_000


class Impatient(PatientProtocol):
    """Waits for readers of answers only briefly."""

    patience_s = 0.2


class HastyForHeads(PatientProtocol):
    """Waits for heads only briefly."""

    head_s = 0.1


class ImpatientSocket(PatientSocketProtocol):
    """Waits for readers only briefly."""

    patience_s = 0.2


@asynccontextmanager
async def serving(
    application,
    sockets: type[PatientSocketProtocol] = ImpatientSocket,
    requests: type[PatientProtocol] = Impatient,
):
    """Serve an application; give the port."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application, http=requests, ws=sockets, log_config=None, lifespan="off")
    config.ws_per_message_deflate = False
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        async with asyncio.timeout(PATIENCE_S):
            await serving


class Peer:
    """A client that reads only when it is told to."""

    def __init__(self, port):
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.setblocking(False)
        self._port = port

    async def __aenter__(self):
        await self._loop.sock_connect(self._socket, ("127.0.0.1", self._port))
        return self

    async def __aexit__(self, *error):
        self._socket.close()

    async def send(self, data):
        """Send all of it."""
        async with asyncio.timeout(PATIENCE_S):
            await self._loop.sock_sendall(self._socket, data)

    async def read(self, least=1, until=b""):
        """Read until there is enough, or the end."""
        read = b""
        async with asyncio.timeout(PATIENCE_S):
            while len(read) < least or until not in read:
                data = await self._loop.sock_recv(self._socket, 65536)
                if not data:
                    break
                read += data
        return read


def head(path="/", verb="POST", **headers):
    """Return the head of a request."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in {"Host": "test", **headers}.items()]
    return "\r\n".join([f"{verb} {path} HTTP/1.1", *lines, "", ""]).encode()


def refusing(**headers):
    """Return an application that answers without reading."""
    pairs = [(b"content-length", b"2"), *((name.encode(), value.encode()) for name, value in headers.items())]

    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 413, "headers": pairs})
        await send({"type": "http.response.body", "body": b"no"})

    return application


async def test_a_refusal_that_ends_the_connection_reaches_a_client_that_still_sends():
    async with serving(refusing(connection="close")) as port, Peer(port) as peer:
        await peer.send(head(Content_Length=len(LARGE)))
        await peer.read(until=b"no")
        await peer.send(LARGE)
        assert await peer.read() == b""


async def test_a_head_does_not_wait_for_a_body_that_comes_later():
    goes_on = asyncio.Event()

    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
        await goes_on.wait()
        await send({"type": "http.response.body", "body": b"end"})

    async with serving(application) as port, Peer(port) as peer:
        await peer.send(head(verb="GET"))
        assert (await peer.read(until=b"\r\n\r\n")).endswith(b"content-length: 3\r\n\r\n")
        goes_on.set()
        assert await peer.read() == b"end"


async def test_a_refusal_can_be_read_after_everything_was_sent():
    async with serving(refusing(connection="close")) as port, Peer(port) as peer:
        await peer.send(head(Content_Length=len(LARGE)) + LARGE)
        assert (await peer.read(until=b"never")).endswith(b"\r\n\r\nno")


async def test_after_an_early_answer_the_rest_of_the_body_is_no_head_and_the_connection_goes_on():
    assert len(LARGE) > MOST_HEAD_BYTES
    async with serving(refusing()) as port, Peer(port) as peer:
        for _ in range(2):
            await peer.send(head(Content_Length=len(LARGE)))
            first = await peer.read(until=b"no")
            assert first.startswith(b"HTTP/1.1 413")
            await peer.send(LARGE)
        await peer.send(head(verb="GET"))
        assert (await peer.read(until=b"no")).startswith(b"HTTP/1.1 413")


async def test_a_form_that_is_refused_while_it_comes_is_answered(manager, tmp_path):
    async with running_gateway(manager, tmp_path) as client:
        files = [(f"field{number}", (None, "x" * 5_000)) for number in range(400)]
        for _ in range(3):
            answer = await client.post("/api/queue/upload/spreadsheet", files=files)
            assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_answered(manager, tmp_path, announced):
    async def pieces():
        for _ in range(50):
            yield LARGE

    content = LARGE * 50 if announced else pieces()
    async with running_gateway(manager, tmp_path) as client:
        answer = await client.post("/api/queue/item/add", content=content)
        assert answer.status_code == 413
        assert (await client.get("/api/status")).status_code == 200


async def test_an_answer_that_nobody_takes_ends_the_connection():
    gone = asyncio.Event()

    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": LARGE * 20, "more_body": True})
        await receive()
        while (await receive())["type"] != "http.disconnect":
            continue
        gone.set()

    async with serving(application) as port, Peer(port) as peer:
        await peer.send(head(verb="GET"))
        async with asyncio.timeout(PATIENCE_S):
            await gone.wait()
        with pytest.raises(ConnectionResetError):
            await peer.read(until=b"never")


async def shake_hands(peer):
    """Open a WebSocket."""
    nonce = base64.b64encode(os.urandom(16)).decode()
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
    await peer.send(head(verb="GET", Sec_WebSocket_Version=13, Sec_WebSocket_Key=nonce, **upgrade))
    assert (await peer.read(until=b"\r\n\r\n")).startswith(b"HTTP/1.1 101")


async def test_a_websocket_whose_reader_takes_nothing_ends_and_its_sender_holds_one_message():
    sent, gone = [], asyncio.Event()

    async def application(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        try:
            while True:
                await send({"type": "websocket.send", "text": LARGE.decode()})
                sent.append(1)
        finally:
            gone.set()

    async with serving(application) as port, Peer(port) as peer:
        await shake_hands(peer)
        async with asyncio.timeout(PATIENCE_S):
            await gone.wait()
        # What the system holds, and one message.
        assert len(sent) * len(LARGE) <= 2_000_000
        with pytest.raises(ConnectionResetError):
            await peer.read(until=b"never")


async def test_a_websocket_that_cannot_be_closed_in_order_ends_with_its_application():
    ended = asyncio.Event()

    async def application(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": LARGE.decode() * 20})
        ended.set()

    async with serving(application, PatientSocketProtocol) as port, Peer(port) as peer:
        await shake_hands(peer)
        begun_s = asyncio.get_running_loop().time()
        async with asyncio.timeout(PATIENCE_S):
            await ended.wait()
        with pytest.raises(ConnectionResetError):
            await peer.read(least=len(LARGE) * 20)
        assert asyncio.get_running_loop().time() < begun_s + STALLED_SOCKET_S / 2


async def test_a_websocket_that_asks_without_end_and_reads_no_answer_ends():
    async def application(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            continue

    ping = b"\x89\xfd" + bytes(4) + b"x" * 125
    async with serving(application) as port, Peer(port) as peer:
        await shake_hands(peer)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            for _ in range(10_000):
                await peer.send(ping * 100)


async def test_who_sends_a_frame_that_is_too_large_is_told_so_although_more_of_it_comes():
    async def application(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            continue

    # Masked, with 32 MiB announced.
    head = b"\x82\xff" + (32 * 1024**2).to_bytes(8) + bytes(4)
    async with serving(application, PatientSocketProtocol) as port, Peer(port) as peer:
        await shake_hands(peer)
        await peer.send(head)
        told = await peer.read(until=(1009).to_bytes(2))
        assert told.startswith(b"\x88")
        # Whoever is still sending learns of it only afterwards, if nothing goes wrong with that.
        for _ in range(3):
            await peer.send(LARGE)
        # It is let go once it has fallen silent.
        assert await peer.read() == b""


async def test_a_websocket_that_is_silent_lives_longer_than_a_head_may_take():
    async def application(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "text": "here"})

    async with serving(application, requests=HastyForHeads) as port, Peer(port) as peer:
        await shake_hands(peer)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3 * HastyForHeads.head_s):
                await peer.read()
        await peer.send(b"\x81\x80" + bytes(4))
        assert await peer.read(until=b"here") == b"\x81\x04here"


async def test_a_route_may_take_larger_messages_and_hear_every_ping_and_pong():
    heard = []

    async def application(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        scope["extensions"][PATIENCE](3 * 1024**2, lambda: heard.append("life"))
        while (message := await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "text": f"{len(message['bytes'])} {len(heard)}"})

    ping, pong = b"\x89\x80" + bytes(4), b"\x8a\x80" + bytes(4)
    message = b"\x82\xff" + (2 * 1024**2).to_bytes(8) + bytes(4) + bytes(2 * 1024**2)
    async with serving(application, PatientSocketProtocol) as port, Peer(port) as peer:
        await shake_hands(peer)
        await peer.send(ping + pong + message)
        assert (await peer.read(until=b"2097152 2")).endswith(b"2097152 2")
        await peer.send(b"\x82\xff" + (4 * 1024**2).to_bytes(8) + bytes(4))
        assert (await peer.read(until=(1009).to_bytes(2))).startswith(b"\x88")
