"""Forms in the bodies of requests: their texts and files, within limits. Knows no field of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from http_gateway.bounded import bounded
from http_gateway.errors import BodyError
from queue_server.protocol.errors import ParameterError

_MULTIPART = "multipart/form-data"
_KINDS = (_MULTIPART, "application/x-www-form-urlencoded")


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file of a form; its name is what the client calls it, or empty."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """The parts of a form."""

    data: FormData

    def text(self, name: str) -> str:
        """Return a text that the form must have.

        Raises:
            ParameterError: it is missing, or a file.
        """
        value = self.data.get(name)
        if not isinstance(value, str):
            raise ParameterError(f"The form needs {name!r} as text.", field=name)
        return value

    def texts(self, name: str) -> list[str]:
        """Return all texts of this name, none if there is none."""
        return [value for value in self.data.getlist(name) if isinstance(value, str)]

    async def file(self, name: str) -> FilePart | None:
        """Return a file, which may have been sent as text as well; None if there is none."""
        value = self.data.get(name)
        if isinstance(value, UploadFile):
            return FilePart(value.filename or "", await value.read())
        return FilePart("", value.encode()) if value else None


@asynccontextmanager
async def reading_form(
    request: Request, *, most_bytes: int, most_files: int = 0, most_fields: int = 16
) -> AsyncGenerator[Form]:
    """Give the form in the body of a request inside the block.

    Raises:
        BodyError: there is none, or it is malformed.
        TooLargeError, SlowBodyError: it is too large or too slow.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _KINDS:
        raise BodyError(f"Send a form: {' or '.join(_KINDS)}.")
    # What is read of the stream is bounded, whatever the parts say.
    limited = bounded(request, most_bytes)
    try:
        form = await limited.form(max_files=most_files, max_fields=most_fields, max_part_size=most_bytes)
    except (MultiPartException, HTTPException, ValueError) as error:
        # Inside an application starlette turns the first into the second.
        raise BodyError("The form is malformed, or has too many parts.", kind="form_invalid") from error
    try:
        yield Form(form)
    finally:
        await form.close()
