"""The documents of recorded runs and tables of them, streamed from the data root in pieces. It asks where they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from typing import Any, Literal
from urllib.parse import quote

from fastapi import FastAPI
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from http_gateway.byte_ranges import dispose, take_part
from http_gateway.errors import RangeError
from http_gateway.link import Caller
from http_gateway.media import describe_parameter
from http_gateway.problem import problem_in, show
from http_gateway.routes import Route, request_id_of, services_of
from http_gateway.values import read_query, refuse_query
from queue_server.client.run_columns import Table, table_of
from queue_server.client.run_location import RunFile, open_run_file
from queue_server.client.run_tables import MEDIA_TYPES, make_table
from queue_server.protocol.method import Method, Params
from queue_server.protocol.methods import METHODS

LEFT_OUT = "X-Cuelight-Left-Out"
"""The header with the names of the columns that the format cannot hold, percent-encoded, separated by commas."""

_JSON_LINES = "application/jsonl"
_TABLES_AT_ONCE = 2
"""Making them takes the processor from everybody else whom this gateway serves."""
_RUN_GET = METHODS["run_get"]


class TableParams(Params):
    """Which table of a run, and how it is written."""

    stream: str = Field(default="primary", max_length=512, description="Name of the stream.")
    format: Literal["csv", "arrow", "parquet"] = Field(
        default="csv", description="CSV has no columns of arrays; Arrow is its file format."
    )


_TABLE = Method(
    name="run_table",
    summary="A table of a recorded run.",
    kind="read",
    scope=_RUN_GET.scope,
    route=("GET", "/runs/{run_uid}/table"),
    params=TableParams,
)


async def send_documents(request: Request, caller: Caller) -> Response:
    """Answer the documents of a run as they are recorded, one JSON array of name and content for each line."""
    refuse_query(request)
    file = await _open(request, caller)
    if isinstance(file, Response):
        return file
    try:
        part = take_part(request, file.size_bytes)
    except RangeError:
        file.close()
        raise
    headers = {**dispose(file.name), **part.headers}
    return _RunResponse(file, file.pieces(part.start, part.stop), part.status, headers=headers, media_type=_JSON_LINES)


async def send_table(request: Request, caller: Caller) -> Response:
    """Answer the table of a stream of a run."""
    given = _TABLE.parse(read_query(request, TableParams, ("stream",)))
    assert isinstance(given, TableParams)
    file = await _open(request, caller)
    if isinstance(file, Response):
        return file
    threads: Executor = request.app.state.table_threads
    loop = asyncio.get_running_loop()
    try:
        table = await loop.run_in_executor(threads, table_of, file.path, given.stream)
        pieces = await loop.run_in_executor(threads, make_table, file.path, table, given.format)
    except BaseException:
        file.close()
        raise
    name = f"{file.name.removesuffix('.jsonl')}.{given.stream}.{given.format}"
    headers = dispose(name) | _tell_left_out(table, given.format)
    return _RunResponse(file, pieces, threads=threads, headers=headers, media_type=MEDIA_TYPES[given.format])


def open_run_files(app: FastAPI, stack: AsyncExitStack) -> None:
    """Open what tables are made with, until the stack is unwound."""
    threads = ThreadPoolExecutor(_TABLES_AT_ONCE, "table")
    app.state.table_threads = threads
    stack.callback(threads.shutdown, wait=False, cancel_futures=True)


class _RunResponse(StreamingResponse):
    """Sends pieces that are made in threads, and closes the file of the run however that ends."""

    def __init__(
        self,
        file: RunFile,
        pieces: Generator[bytes],
        status_code: int = 200,
        *,
        threads: Executor | None = None,
        **how: Any,
    ) -> None:
        self._file = file
        self._pieces = pieces
        self._threads = threads
        super().__init__(self._make(), status_code, **how)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            # Of what a thread still works on, the file is closed when that is forgotten.
            with suppress(ValueError):
                self._pieces.close()
                self._file.close()

    async def _make(self) -> AsyncGenerator[bytes]:
        loop = asyncio.get_running_loop()
        while (piece := await loop.run_in_executor(self._threads, next, self._pieces, None)) is not None:
            yield piece


async def _open(request: Request, caller: Caller) -> RunFile | Response:
    """Return the file of the run in the path; only the manager says which that is."""
    params = {"run_uid": request.path_params["run_uid"]}
    _RUN_GET.parse(params)
    services = services_of(request)
    reply = await services.link.call(_RUN_GET.name, params, caller)
    if not reply.get("success"):
        return show(problem_in(reply), request_id_of(request))
    run: dict[str, Any] = reply["run"]
    return await run_in_threadpool(open_run_file, services.settings.data, run)


def _tell_left_out(table: Table, form: str) -> dict[str, str]:
    if form != "csv" or not table.arrays:
        return {}
    return {LEFT_OUT: ",".join(quote(column.name, safe="") for column in table.arrays)[:4000]}


_UID = describe_parameter("run_uid", "path", "Uid of the run.", {"type": "string", "minLength": 1, "maxLength": 512})
_BYTES = {"schema": {"type": "string", "format": "binary"}}

ROUTES = (
    Route(
        verb="GET",
        path="/runs/{run_uid}/documents",
        scope=_RUN_GET.scope,
        handler=send_documents,
        summary="The documents of a recorded run.",
        document={
            "description": "One JSON array of name and content for each line, as far as they are recorded. Numbers "
            "that are not finite are NaN, Infinity and -Infinity. With the header Range, one part is sent with the "
            "status 206; a part that is not there is refused with 416.",
            "parameters": [_UID],
            "responses": {
                "200": {"description": "All of them.", "content": {_JSON_LINES: _BYTES}},
            },
        },
    ),
    Route(
        verb="GET",
        path="/runs/{run_uid}/table",
        scope=_RUN_GET.scope,
        handler=send_table,
        summary="A table of a recorded run.",
        document={
            "description": "A row for each event of a stream: its number, its time, its data. Columns of arrays that "
            f"CSV lacks are named in the header {LEFT_OUT}.",
            "parameters": [
                _UID,
                describe_parameter("stream", "query", "Name of the stream.", {"type": "string", "default": "primary"}),
                describe_parameter(
                    "format", "query", "Format of the table.", {"enum": [*MEDIA_TYPES], "default": "csv"}
                ),
            ],
            "responses": {"200": {"description": "The table.", "content": dict.fromkeys(MEDIA_TYPES.values(), _BYTES)}},
        },
    ),
)
