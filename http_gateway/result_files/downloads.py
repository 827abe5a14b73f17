"""Files and archives as answers: streamed from the disk as they are, with their length where it is known.

Nothing here is ever compressed for the way: the client hands the bytes on as they come.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from http_gateway.byte_ranges import dispose, take_part
from http_gateway.errors import RangeError
from http_gateway.result_files.archives import name_archive, read_file
from http_gateway.result_files.shelf import Shelf
from queue_server.artifacts.archive import TAR_GZ_CONTENT_TYPE, stream_tar_gz
from queue_server.artifacts.reader import damaged
from queue_server.artifacts.store import ArtifactStore
from queue_server.protocol.records import Artifact, ManifestEntry

ARCHIVE_NAME: Final = "results.tar.gz"
_NOT_TO_BE_SHOWN = {
    # What people have uploaded is no page of this site, whatever it says that it is.
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, no-transform",
}

File = Mapping[str, Any]
"""A file as the manager describes it: ``name``, ``artifact_id``, ``size_bytes``, ``content_type``, ``created``."""


class Flow(StreamingResponse):
    """An answer whose pieces come from the disk; the file is closed when the client goes away."""

    def __init__(
        self, shelf: Shelf, pieces: Generator[bytes, None, None], status: int, headers: Mapping[str, str]
    ) -> None:
        self._flow = shelf.flow(pieces)
        super().__init__(self._flow, status, headers)

    async def stream_response(self, send: Send) -> None:
        """Send the pieces."""
        async with aclosing(self._flow):
            await super().stream_response(send)


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes of a known length, read whole or in part; ``tag`` changes when they do."""

    size_bytes: int
    tag: str
    read: Callable[[int, int], Generator[bytes, None, None]]
    """Gives the bytes from a place on to before another."""
    close: Callable[[], None] = lambda: None
    """Lets go of them where they are not read."""


async def send_file(request: Request, shelf: Shelf, file: File) -> Response:
    """Return the answer with a file, or with the part of it that a range asks for.

    Raises:
        NotFoundError: its bytes are not there any more.
        DamagedArtifactError: they are not those that were written.
    """
    artifact_id, size = str(file["artifact_id"]), int(file["size_bytes"])
    store = await shelf.run(lambda store: _check_size(store, artifact_id, size))
    body = Body(size, f'"{artifact_id}"', partial(_read, store, artifact_id, size))
    return _send(request, shelf, body, {**dispose(file["name"]), "Content-Type": str(file["content_type"])})


async def send_archive(request: Request, shelf: Shelf, files: Iterable[File]) -> Response:
    """Return the answer with an archive of files, each under its name.

    Raises:
        NotFoundError, DamagedArtifactError: as ``send_file``.
        ParameterError: two files have one name, or a name is not acceptable.
    """
    manifest = [ManifestEntry(name=file["name"], artifact=_artifact_of(file)) for file in files]
    name = name_archive(manifest)
    headers = {**dispose(ARCHIVE_NAME), "Content-Type": TAR_GZ_CONTENT_TYPE}
    kept = await shelf.run(lambda _: shelf.archives.find(name))
    if kept is not None:
        size = os.fstat(kept.fileno()).st_size
        return _send(request, shelf, Body(size, f'"{name}"', partial(read_file, kept), kept.close), headers)
    pieces = await shelf.run(lambda store: shelf.archives.keep(name, stream_tar_gz(store, manifest)))
    return Flow(shelf, pieces, 200, {**_NOT_TO_BE_SHOWN, **headers, "ETag": f'"{name}"'})


def _send(request: Request, shelf: Shelf, body: Body, about: Mapping[str, str]) -> Response:
    try:
        part = take_part(request, body.size_bytes, body.tag)
    except RangeError:
        body.close()
        raise
    headers = {**_NOT_TO_BE_SHOWN, **about, "ETag": body.tag, **part.headers}
    return Flow(shelf, body.read(part.start, part.stop), part.status, headers)


def _artifact_of(file: File) -> Artifact:
    return Artifact(
        id=file["artifact_id"],
        size_bytes=file["size_bytes"],
        content_type=file["content_type"],
        created=file["created"],
    )


def _check_size(store: ArtifactStore, artifact_id: str, size: int) -> ArtifactStore:
    found = store.size(artifact_id)
    if found != size:
        raise damaged(artifact_id, f"it has {found} bytes instead of {size}")
    return store


def _read(store: ArtifactStore, artifact_id: str, size: int, start: int, stop: int) -> Generator[bytes, None, None]:
    with store.open(artifact_id) as content:
        # Only the whole can be compared with what was written.
        yield from content if (start, stop) == (0, size) else content.part(start, stop)
