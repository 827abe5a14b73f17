"""The routes of the files that the members of a group have uploaded, to be arguments of its runs."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.authorize import PUBLIC
from http_gateway.bounded import bounded
from http_gateway.dialects.flowserv.admission import (
    READ,
    WRITE,
    admit_download,
    find_own_group,
    has_open_downloads,
)
from http_gateway.dialects.flowserv.asking import answer, call, done, path_name
from http_gateway.dialects.flowserv.groups import show_upload
from http_gateway.dialects.flowserv.route import declare
from http_gateway.errors import BodyError
from http_gateway.link import Caller
from http_gateway.result_files.downloads import send_file
from http_gateway.result_files.shelf import shelf_of
from http_gateway.routes import services_of
from queue_server.artifacts.expectation import Expectation
from queue_server.artifacts.names import take_file_name
from queue_server.artifacts.reader import PIECE_BYTES
from queue_server.artifacts.store import ArtifactStore
from queue_server.protocol.errors import NotFoundError, ParameterError
from queue_server.protocol.records import DEFAULT_CONTENT_TYPE, Artifact

_MULTIPART: Final = "multipart/form-data"
_FIELDS: Final = ("files", "file")
_MOST_PARTS: Final = 8


async def list_files(request: Request, caller: Caller) -> Response:
    """List the uploaded files of a group."""
    group = await find_own_group(request, caller, path_name(request, "userGroupId"))
    return answer({"files": [show_upload(each) for each in group.get("files") or ()]})


async def upload_file(request: Request, caller: Caller) -> Response:
    """Add a file to those of a group."""
    group_id = path_name(request, "userGroupId")
    await find_own_group(request, caller, group_id)
    form = await _read_form(request)
    try:
        part = _find_part(form)
        name = take_file_name(part.filename or "")
        content_type = _type_of(part, name)
        content = part.file
        artifact = await shelf_of(request).run(lambda store: _keep(store, content, content_type))
    finally:
        await form.close()
    file = {
        "name": name,
        "artifact_id": artifact.id,
        "size_bytes": artifact.size_bytes,
        "content_type": artifact.content_type,
    }
    reply = await call(request, caller, "workflow_group_file_add", group_id=group_id, file=file)
    return answer(show_upload(reply["file"]), 201)


async def download_file(request: Request, caller: Caller) -> Response:
    """Answer an uploaded file."""
    reader, group_id = admit_download(request, caller), path_name(request, "userGroupId")
    if has_open_downloads(request):
        group = (await call(request, reader, "workflow_group_get", group_id=group_id))["group"]
    else:
        group = await find_own_group(request, reader, group_id)
    file = _find_file(group, path_name(request, "fileId"))
    return await send_file(request, shelf_of(request), file)


async def delete_file(request: Request, caller: Caller) -> Response:
    """Remove an uploaded file."""
    group_id, file_id = path_name(request, "userGroupId"), path_name(request, "fileId")
    _find_file(await find_own_group(request, caller, group_id), file_id)
    await call(request, caller, "workflow_group_file_remove", group_id=group_id, file_id=file_id)
    return done()


def _find_file(group: Mapping[str, Any], file_id: str) -> Mapping[str, Any]:
    file = next((each for each in group.get("files") or () if each["id"] == file_id), None)
    if file is None:
        raise NotFoundError(f"The group has no file {file_id!r}.")
    return file


async def _read_form(request: Request) -> FormData:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _MULTIPART:
        raise BodyError(f"Send the file as a form ({_MULTIPART}), in the field 'files'.")
    try:
        limited = bounded(request, services_of(request).settings.most_body_bytes)
        return await limited.form(max_files=_MOST_PARTS, max_fields=_MOST_PARTS)
    except (MultiPartException, HTTPException, ValueError) as error:
        # Inside an application starlette turns the first into the second.
        raise BodyError("The form is malformed, or has too many parts.", kind="form_invalid") from error


def _find_part(form: FormData) -> UploadFile:
    parts = [each for name in _FIELDS for each in form.getlist(name) if isinstance(each, UploadFile)]
    if len(parts) != 1:
        raise ParameterError(f"The form needs one file in the field 'files', and has {len(parts)}.", field="files")
    return parts[0]


def _type_of(part: UploadFile, name: str) -> str:
    """Return the media type of a file: the one that was sent, else what its name is known for."""
    for told in (part.content_type, mimetypes.guess_type(name)[0]):
        try:
            Expectation(content_type=told or "").check()
        except ParameterError:
            continue
        return str(told)
    return DEFAULT_CONTENT_TYPE


def _keep(store: ArtifactStore, content: BinaryIO, content_type: str) -> Artifact:
    with store.begin(Expectation(content_type=content_type)) as writer:
        while piece := content.read(PIECE_BYTES):
            writer.write(piece)
        return writer.commit()


ROUTES = (
    declare("files:list", READ, list_files),
    declare("files:upload", WRITE, upload_file),
    declare("files:download", PUBLIC, download_file),
    declare("files:delete", WRITE, delete_file),
)
