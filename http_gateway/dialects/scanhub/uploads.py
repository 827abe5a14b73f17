"""What a device may upload: names, kinds, sizes and checksums of files. It decides, and touches no file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from http_gateway.dialects.scanhub.frames import FileTransfer, shorten
from queue_server.artifacts.expectation import MAX_SIZE_BYTES, Expectation
from queue_server.artifacts.names import take_file_name
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.exam_files import result_type_of
from queue_server.protocol.exam_records import ResultType

PARAMETER_FILE: Final = "device_parameter.json"
_OCTETS: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class File:
    """An announced file. ``sha256`` is in lower case, or None if the device gave none."""

    name: str
    type: ResultType
    size_bytes: int
    sha256: str | None
    content_type: str = _OCTETS
    parameter: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def expectation(self) -> Expectation:
        """What a store of artifacts has to compare the bytes with."""
        return Expectation(self.size_bytes, self.sha256, self.content_type, max_size_bytes=self.size_bytes)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A verified file of an item, and the result that it became."""

    name: str
    size_bytes: int
    sha256: str
    result_id: str


def read_header(header: FileTransfer, most_bytes: int = MAX_SIZE_BYTES) -> File:
    """Return the file that a header announces; its name is the last component of the one given.

    Raises:
        ParameterError: the name is not acceptable, the size is over the limit, or the checksum is none.
    """
    name = take_file_name(header.file_name)
    Expectation(header.size_bytes, header.sha256, max_size_bytes=most_bytes).check()
    return File(
        name=name,
        type=result_type_of(name),
        size_bytes=header.size_bytes,
        sha256=None if header.sha256 is None else header.sha256.lower(),
        content_type=_media_type(header.content_type),
        parameter=header.device_parameter or {},
    )


def read_name(header: FileTransfer) -> str:
    """Return the name by which to speak of an announced file, also where it is not acceptable."""
    try:
        return take_file_name(header.file_name)
    except ParameterError:
        return shorten(header.file_name, 255)


def _media_type(told: str | None) -> str:
    """Return the media type if it is one. A device does not lose its data by a wrong one."""
    try:
        Expectation(content_type=told or _OCTETS).check()
    except ParameterError:
        return _OCTETS
    return told or _OCTETS


def check_written(file: File, size_bytes: int, sha256: str) -> None:
    """Refuse what has been written if it is not what was announced.

    Raises:
        ParameterError: the size or the checksum differs.
    """
    file.expectation.check_end(size_bytes, sha256.lower())


def find_replay(stored: Iterable[StoredFile], file: File, sha256: str) -> StoredFile | None:
    """Return the file of the same name, size and checksum that has been stored before, if there is one."""
    wanted = (file.name, file.size_bytes, sha256.lower())
    return next((each for each in stored if (each.name, each.size_bytes, each.sha256) == wanted), None)


def result_key(item_uid: str, file: File, sha256: str) -> str:
    """Return the idempotency key of a result: the same for every upload of the same content to the same item."""
    parts = "\0".join((item_uid, file.name, str(file.size_bytes), sha256.lower()))
    return hashlib.sha256(parts.encode()).hexdigest()


def choose_parameter(file: File, snapshot: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that go beside a file: those of its header, else those at the dispatch; empty is none."""
    # The device wrote that file itself.
    return {} if file.name == PARAMETER_FILE else file.parameter or snapshot


def build_parameter_file(device_id: str, parameter: dict[str, Any]) -> bytes:
    """Return the content of the file of parameters that goes beside an upload."""
    return orjson.dumps({"device_id": device_id, "parameter": parameter})
