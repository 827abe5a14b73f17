"""The routes of sequences and their files. Files are kept as text; what is none is kept as base64, and tagged so."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from http_gateway.dialects.scanhub.exam_access import own_sequence
from http_gateway.dialects.scanhub.exam_calls import answer, answer_all, call, done, path_id
from http_gateway.dialects.scanhub.exam_routes import exam_route
from http_gateway.dialects.scanhub.forms import FilePart, Form, reading_form
from http_gateway.errors import TooLargeError
from http_gateway.link import Caller
from queue_server.protocol.errors import NotFoundError, ParameterError
from queue_server.protocol.exam_fields import read_fields
from queue_server.protocol.exam_records import LONGEST_SEQUENCE_BYTES, SequenceFields

ENCODED: Final = "base64"
"""The tag of a sequence whose file is no text."""
_MOST_FORM_BYTES: Final = LONGEST_SEQUENCE_BYTES + 256 * 1024


async def create_sequence(request: Request, caller: Caller) -> Response:
    """Add a sequence with its files."""
    async with reading_form(request, most_bytes=_MOST_FORM_BYTES, most_files=2, most_fields=128) as form:
        params = await _read(form)
    reply = await call(request, caller, "exam_sequence_add", **params)
    return answer(_show(reply["sequence"] | {name: params[name] for name in ("seq_file", "xml_file")}), 201)


async def get_sequence(request: Request, caller: Caller) -> Response:
    """Return a sequence with its files."""
    return answer(_show(await _find(request, caller)))


async def get_sequence_file(request: Request, caller: Caller) -> Response:
    """Return the file of a sequence as it was sent."""
    found = await _find(request, caller)
    text = str(found["seq_file"])
    return _send(found, "seq_file_extension", _decode(text) if ENCODED in found["tags"] else text.encode())


async def get_sequence_header(request: Request, caller: Caller) -> Response:
    """Return the header of a sequence."""
    found = await _find(request, caller)
    if found["xml_file"] is None:
        raise NotFoundError(f"The sequence {found['id']!r} has no header.")
    return _send(found, "xml_file_extension", str(found["xml_file"]).encode())


async def get_all_sequences(request: Request, caller: Caller) -> Response:
    """Return all sequences without their files."""
    return await answer_all(request, caller, "exam_sequence_list", "sequences", _show)


async def delete_sequence(request: Request, caller: Caller) -> Response:
    """Remove a sequence with its files."""
    await call(request, caller, "exam_sequence_remove", sequence_id=path_id(request, "sequence_id"))
    return done()


async def _find(request: Request, caller: Caller) -> dict[str, Any]:
    sequence_id = path_id(request, "sequence_id")
    reply = await call(request, caller, "exam_sequence_get", sequence_id=sequence_id, files=True)
    found: dict[str, Any] = reply["sequence"]
    return found


async def _read(form: Form) -> dict[str, Any]:
    sequence, header = await form.file("seq_file"), await form.file("xml_file")
    if sequence is None:
        raise ParameterError("The form needs 'seq_file'.", field="seq_file")
    values: dict[str, Any] = {name: form.text(name) for name in ("name", "description", "sequence_type")}
    # Some clients join the tags with commas, others repeat the field.
    tags = [tag for text in form.texts("tags") for each in text.split(",") if (tag := each.strip())]
    text = _read_text(sequence)
    if text is None:
        text, tags = base64.b64encode(sequence.data).decode(), [*tags, *([] if ENCODED in tags else [ENCODED])]
    values |= {"tags": tags, **_name_extensions(sequence, header)}
    read_fields(SequenceFields, values, "form")
    shown = None if header is None else _read_text(header)
    if header is not None and shown is None:
        raise ParameterError("'xml_file' must be text in UTF-8.", field="xml_file")
    if len(text.encode()) + len((shown or "").encode()) > LONGEST_SEQUENCE_BYTES:
        raise TooLargeError(f"Both files together may have {LONGEST_SEQUENCE_BYTES} bytes at most, as text.")
    return {"sequence": values, "seq_file": text, "xml_file": shown}


def _read_text(part: FilePart) -> str | None:
    try:
        return part.data.decode()
    except UnicodeDecodeError:
        return None


def _name_extensions(sequence: FilePart, header: FilePart | None) -> dict[str, str]:
    found = {"seq_file_extension": PurePosixPath(sequence.name).suffix}
    if header is not None:
        found["xml_file_extension"] = PurePosixPath(header.name).suffix or ".xml"
    return {name: extension for name, extension in found.items() if extension}


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        # Somebody else's tag.
        return text.encode()


def _show(sequence: Mapping[str, Any]) -> dict[str, Any]:
    """Return a sequence as clients of this dialect see it; files that were not asked for are null."""
    return {
        "_id": sequence["id"],
        "created_at": sequence["datetime_created"],
        "updated_at": sequence["datetime_updated"],
        "seq_file": None,
        "xml_file": None,
        **sequence,
    }


def _send(sequence: Mapping[str, Any], extension: str, data: bytes) -> Response:
    # The name of a sequence may have whatever characters; its id and a short extension have not.
    suffix = "".join(each for each in str(sequence[extension] or "") if each.isascii() and each.isalnum())
    name = f"{sequence['id']}.{suffix}" if suffix else str(sequence["id"])
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return Response(data, headers=headers, media_type="application/octet-stream")


_FILE = {"type": "string", "format": "binary"}
_TEXT = {"type": "string"}
_BODY = {
    "type": "object",
    "required": ["seq_file", "name", "description", "sequence_type"],
    "properties": {
        "seq_file": _FILE,
        "xml_file": _FILE,
        "name": _TEXT,
        "description": _TEXT,
        "sequence_type": _TEXT,
        "tags": {"type": "array", "items": _TEXT},
    },
}
ROUTES = (
    exam_route(
        "POST",
        "/sequence",
        create_sequence,
        body=_BODY,
        media="multipart/form-data",
        result="SequenceOut",
        status=201,
    ),
    exam_route("GET", "/sequences/all", get_all_sequences, result="SequenceOut[]"),
    exam_route("GET", "/sequence/{sequence_id}", get_sequence, opens=own_sequence, result="SequenceOut"),
    exam_route("GET", "/sequence/{sequence_id}/file", get_sequence_file, opens=own_sequence),
    exam_route("GET", "/sequence/{sequence_id}/header", get_sequence_header, opens=own_sequence),
    exam_route("DELETE", "/sequence/{sequence_id}", delete_sequence, status=204),
)
