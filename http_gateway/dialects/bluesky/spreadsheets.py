"""The upload of spreadsheets: a form with one file becomes one batch of items, all or none."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, cast

import orjson
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.bounded import bounded
from http_gateway.dialects.bluesky.bodies import show_names
from http_gateway.dialects.bluesky.forwarding import show_reply
from http_gateway.errors import BodyError, TooLargeError
from http_gateway.identity import Identity
from http_gateway.link import Caller
from http_gateway.routes import Route, conditions_of, services_of
from http_gateway.spreadsheets.desk import ReadingDesk
from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.limits import LIMITS
from http_gateway.spreadsheets.package import ZIP_START, open_package
from http_gateway.spreadsheets.reading import read_items
from http_gateway.values import read_query
from queue_server.protocol.codec import CLIENT_BOUNDS, encode
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.methods import METHODS

HOOK: Final = "spreadsheet_to_plan_list"
"""The function in a module of the site that may convert a file."""

_log = logging.getLogger(__name__)

_METHOD = METHODS["queue_item_add_batch"]
_FILE, _TYPE, _LOCK_KEY = "spreadsheet", "data_type", "lock_key"
_FIELDS = frozenset({_FILE, _TYPE, _LOCK_KEY})
_MOST_FIELDS = 16
_LONGEST_FIELD_BYTES = 16 * 1024
# What a form has beside its file: the fields, and what stands between them.
_FORM_BYTES = (_MOST_FIELDS + 1) * 2 * _LONGEST_FIELD_BYTES
# What a message to the manager has beside its items.
_FRAME_BYTES = 64 * 1024


class Converter(Protocol):
    """What a module of the site offers: items, or None to leave the file to others. May block."""

    def __call__(
        self, *, spreadsheet_file: io.BytesIO, file_name: str, data_type: str | None, user: str
    ) -> list[dict[str, Any]] | None:
        """Return the items in a file."""
        ...


_DOCUMENT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [_FILE],
                    "properties": {
                        _FILE: {"type": "string", "format": "binary", "description": "A csv, xlsx or ods file."},
                        _TYPE: {"type": "string", "description": "What the code of the site knows the file by."},
                        _LOCK_KEY: {"type": "string", "description": "Key of the lock of the queue."},
                    },
                }
            }
        },
    }
}


@dataclass(frozen=True, slots=True)
class _Upload:
    data: bytes
    file_name: str
    data_type: str | None
    lock_key: str | None


def routes_of(modules: Iterable[object] = ()) -> tuple[Route, ...]:
    """Return the route, for one event loop; the modules of the site are asked first, in their order."""
    converters = tuple(getattr(module, HOOK) for module in modules if callable(getattr(module, HOOK, None)))
    conversions = _Conversions(converters)

    async def answer(request: Request, caller: Caller) -> Response:
        if query := read_query(request, _METHOD.params):
            raise ParameterError(f"Send {show_names(set(query))} in the form, not in the query.", field=min(query))
        upload = await _read_upload(request)
        try:
            items = await conversions.convert(upload, caller.identity.user)
        except SpreadsheetError as error:
            refusal: dict[str, Any] = {"success": False, "msg": error.message, "items": [], "results": []}
            return Response(orjson.dumps(refusal), media_type="application/json")
        params = _params_of(items, upload, caller.identity)
        frame = await services_of(request).link.ask(_METHOD.name, params, caller, conditions_of(request))
        return show_reply(frame)

    summary = "Add the plans of a spreadsheet to the queue."
    return (
        Route(
            verb="POST",
            path="/queue/upload/spreadsheet",
            scope=_METHOD.scope,
            handler=answer,
            summary=summary,
            document=_DOCUMENT,
        ),
    )


def _params_of(items: list[dict[str, Any]], upload: _Upload, identity: Identity) -> dict[str, Any]:
    lock_key = {} if upload.lock_key is None else {_LOCK_KEY: upload.lock_key}
    return {"items": items, "user": identity.user, "user_group": identity.group, **lock_key}


async def _read_upload(request: Request) -> _Upload:
    try:
        whole = bounded(request, LIMITS.file_bytes + _FORM_BYTES)
        async with whole.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=_LONGEST_FIELD_BYTES) as form:
            unknown = set(form.keys()) - _FIELDS
            if unknown:
                # The wording is that of the other routes of this dialect.
                raise ParameterError(
                    f"Request contains keys the are not supported: {show_names(unknown)}", field=min(unknown)
                )
            file = form.get(_FILE)
            if not isinstance(file, UploadFile):
                raise BodyError(f"Field required: a form (multipart/form-data) with the file {_FILE!r}")
            if (file.size or 0) > LIMITS.file_bytes:
                raise TooLargeError(f"The spreadsheet has more than {LIMITS.file_bytes} bytes.")
            texts = {name: form.get(name) for name in (_TYPE, _LOCK_KEY)}
            for name, value in texts.items():
                if isinstance(value, UploadFile):
                    raise ParameterError(f"The field {name!r} must be text, not a file.", field=name)
            known = cast("dict[str, str | None]", texts)
            return _Upload(await file.read(), file.filename or "", known[_TYPE], known[_LOCK_KEY])
    except HTTPException as error:
        raise ParameterError(f"The form cannot be read: {error.detail}", field=_FILE) from error


class _Conversions:
    """Converts a few files at once, each in a thread, because reading and the code of a site block."""

    def __init__(self, converters: tuple[Converter, ...]) -> None:
        self._converters = converters
        self._desk = ReadingDesk()

    async def convert(self, upload: _Upload, user: str) -> list[dict[str, Any]]:
        """Return the items in a file.

        Raises:
            TooLargeError: the file, unpacked, is over a limit.
            SpreadsheetError: it cannot be converted, or the code of the site says so.
            BusyError: too many files wait.
        """
        if upload.data.startswith(ZIP_START):
            await self._desk.run(lambda: open_package(upload.data, LIMITS).close())
        for converter in self._converters:
            items = await self._ask_site(converter, upload, user)
            if items is not None:
                return await self._desk.run(partial(_check_items, items))
        return await self._desk.run(lambda: _check_items(read_items(upload.data, upload.file_name)))

    async def _ask_site(self, converter: Converter, upload: _Upload, user: str) -> object:
        file = io.BytesIO(upload.data)
        work = await self._desk.start(
            lambda: converter(spreadsheet_file=file, file_name=upload.file_name, data_type=upload.data_type, user=user)
        )
        error = work.exception()
        if error is None:
            return work.result()
        # Code of the site may fail in any way; what it says is for the person who sent the file.
        _log.warning("The site's conversion of a spreadsheet failed.", exc_info=error)
        raise SpreadsheetError(str(error) or f"The conversion of the file failed ({type(error).__name__}).")


def _check_items(items: object) -> list[dict[str, Any]]:
    """Return items that fit into one message to the manager; what has no type is a plan."""
    if not isinstance(items, (list, tuple)):
        raise SpreadsheetError(f"The conversion gave a {type(items).__name__} instead of a list of items.")
    checked: list[dict[str, Any]] = []
    for number, item in enumerate(cast("Iterable[object]", items), 1):
        if not isinstance(item, dict):
            raise SpreadsheetError(f"The conversion gave a {type(item).__name__} as item {number} instead of a dict.")
        checked.append({"item_type": "plan", **cast("dict[str, Any]", item)})
    try:
        size = len(encode({"items": checked}))
    except (TypeError, ValueError, RecursionError) as error:
        raise SpreadsheetError(f"The items cannot be sent to the manager: {error}.") from error
    if size > CLIENT_BOUNDS.size_bytes - _FRAME_BYTES:
        raise SpreadsheetError(f"The items need {size} bytes, which is too much for one batch; split the file.")
    return checked
