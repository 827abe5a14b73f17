"""A gateway in the event loop of a test: its real server and sockets, before a manager that answers from a table."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from typing import Any

import httpx
import zmq
import zmq.asyncio

from http_gateway.config import GatewaySettings
from http_gateway.server import Listener, serve
from queue_server.protocol.codec import decode, encode
from queue_server.protocol.notices import frame_notice, status_notice

PATIENCE_S = 60
# Nothing here is encrypted, and to load the authorities of the host takes as long as a test.
NO_AUTHORITY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class AnsweringManager:
    """A control socket and a notices socket; ``answers[method]`` is the reply, or a function of the parameters.

    A method that answers None stays silent. ``requests`` holds what arrived, ``origin`` included.
    """

    def __init__(self):
        self.status = {"msg": "RE Manager test", "manager_state": "idle", "status_uid": "1", "epoch": 1, "revision": 1}
        self.answers = {}
        self.requests = []
        self.forget()
        self._context = zmq.asyncio.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._publisher = self._context.socket(zmq.XPUB)
        self.control = f"tcp://127.0.0.1:{self._router.bind_to_random_port('tcp://127.0.0.1')}"
        self.info = f"tcp://127.0.0.1:{self._publisher.bind_to_random_port('tcp://127.0.0.1')}"
        self._serving = asyncio.create_task(self._serve())

    def forget(self):
        """Forget all requests, and all answers but the status."""
        self.answers.clear()
        self.answers |= {"status": lambda _: self.status, "ping": lambda _: self.status}
        self.requests.clear()

    @property
    def asked(self):
        """The names of the methods that were asked for, in order."""
        return [request["method"] for request in self.requests]

    async def await_subscriber(self):
        """Wait until a topic is subscribed to; the end of a subscription is passed over."""
        async with asyncio.timeout(PATIENCE_S):
            while not (await self._publisher.recv()).startswith(b"\1"):
                pass

    async def publish(self, topic, payload):
        """Send a notice."""
        await self._publisher.send_multipart(frame_notice(topic, payload))

    async def publish_status(self, **changes):
        """Send a status that differs from the last one, under the next revision."""
        revision = self.status["revision"] + 1
        self.status = {**self.status, "revision": revision, "status_uid": str(revision), **changes}
        await self._publisher.send_multipart(status_notice(1.5, self.status))

    async def close(self):
        """End."""
        self._serving.cancel()
        await asyncio.gather(self._serving, return_exceptions=True)
        self._context.destroy(0)

    async def _serve(self):
        while True:
            *route, data = await self._router.recv_multipart()
            request, encoding = decode(data)
            self.requests.append(request)
            answer = self.answers.get(request["method"], {"success": True, "msg": ""})
            reply: Any = answer(request.get("params", {})) if callable(answer) else answer
            if reply is not None:
                await self._router.send_multipart([*route, encode(reply, encoding)])


@asynccontextmanager
async def running_gateway(manager, directory, **settings):
    """Serve a gateway in front of ``manager``, for which it waits long; give a client that has the API key."""
    places = {"control": manager.control, "info": manager.info, "http": "127.0.0.1:0", "data": directory}
    values = {**places, "timeout_s": PATIENCE_S, **settings}
    ready, stop = asyncio.get_running_loop().create_future(), asyncio.Event()
    listener = Listener(lambda _, url: ready.set_result(url), lambda: None)
    serving = asyncio.create_task(serve(GatewaySettings(**values), listener, stop))
    try:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait({ready, serving}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            await serving
        key_file = settings.get("api_key_file") or directory / "api-key"
        headers = {"Authorization": f"ApiKey {key_file.read_text().strip()}"}
        known = {"base_url": ready.result(), "headers": headers, "timeout": PATIENCE_S, "verify": NO_AUTHORITY}
        async with httpx.AsyncClient(**known) as client:
            yield client
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(serving, return_exceptions=True)


@asynccontextmanager
async def answering_gateway(directory, **settings):
    """Serve a gateway with a manager of its own; give the manager, and a client that has the API key."""
    manager = AnsweringManager()
    async with running_gateway(manager, directory, **settings) as client:
        yield manager, client
    await manager.close()


@asynccontextmanager
async def gateway_with_logins(directory, **settings):
    """Serve a gateway in multi-user mode as above; the client has no credential."""
    (directory / "api-key").write_text("unused\n")
    async with answering_gateway(directory, **settings) as (manager, client):
        client.headers.pop("Authorization")
        yield manager, client
