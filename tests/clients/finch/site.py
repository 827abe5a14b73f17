"""The site of a Finch page: its files, and on the same address the gateway behind a proxy, as sites have it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

FORWARDED = ("authorization", "content-type", "cookie", "host", "origin", "sec-fetch-site", "x-csrf")


class FinchSite:
    """Serves a directory at ``/`` and forwards what is below ``/api`` to ``gateway``, from its own thread."""

    def __init__(self, directory: Path) -> None:
        self.gateway = ""
        self.console_key: str | None = None
        """What the proxy proves itself with where Finch sends nothing: at the socket of the console."""
        self.asked: list[tuple[str, str, int]] = []
        """Verb, path and status of all that was forwarded; 101 is an open socket."""
        self.pages: list[str] = []
        """The address of the page that sent a request, for each request that was forwarded."""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        routes = [
            Route("/api/{path:path}", self._forward, methods=["GET", "POST"]),
            WebSocketRoute("/api/{path:path}", self._forward_socket),
            Mount("/", StaticFiles(directory=directory, html=True)),
        ]
        app = Starlette(routes=routes, lifespan=self._live)
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> FinchSite:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._server.should_exit = True
        self._thread.join(60)

    def count(self, verb: str, path: str, status: int) -> int:
        """Return how often the gateway has answered so."""
        return self.asked.count((verb, path, status))

    @asynccontextmanager
    async def _live(self, app: Starlette) -> AsyncGenerator[None]:
        async with httpx.AsyncClient(timeout=60, trust_env=False) as self._client:
            yield

    async def _forward(self, request: Request) -> Response:
        self.pages.append(request.headers.get("referer", ""))
        answer = await self._client.request(
            request.method,
            httpx.URL(f"{self.gateway}{request.url.path}", query=request.url.query.encode() or None),
            headers=_forwarded(request),
            content=await request.body(),
        )
        self.asked.append((request.method, request.url.path, answer.status_code))
        response = Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))
        for cookie in answer.headers.get_list("set-cookie"):
            response.headers.append("set-cookie", cookie)
        return response

    async def _forward_socket(self, websocket: WebSocket) -> None:
        headers = _forwarded(websocket)
        if self.console_key is not None:
            headers["authorization"] = f"ApiKey {self.console_key}"
        path = websocket.url.path
        gateway = httpx.URL(self.gateway)
        # The address says what stands in the header Host; the other two, where that really is.
        address, place = f"ws://{headers.pop('host')}{path}", {"host": gateway.host, "port": gateway.port}
        try:
            async with connect(address, **place, additional_headers=headers, proxy=None) as behind:
                self.asked.append(("SOCKET", path, 101))
                await websocket.accept()
                await _copy(behind, websocket)
        except InvalidStatus as refusal:
            self.asked.append(("SOCKET", path, refusal.response.status_code))
            await websocket.close()


async def _copy(behind: ClientConnection, websocket: WebSocket) -> None:
    async def drop() -> None:
        # Finch says nothing; this ends when its page goes.
        while True:
            await websocket.receive_text()

    async def bring() -> None:
        async for message in behind:
            await websocket.send_text(message if isinstance(message, str) else message.decode())

    tasks = [asyncio.create_task(drop()), asyncio.create_task(bring())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    outcomes: list[Any] = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect | ConnectionClosed):
            raise outcome


def _forwarded(connection: Request | WebSocket) -> dict[str, str]:
    return {name: connection.headers[name] for name in FORWARDED if name in connection.headers}
