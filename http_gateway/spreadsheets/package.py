"""Zipped formats before anything is unpacked: bounds their parts, and refuses XML with declarations of its own."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Final
from xml.parsers import expat

from http_gateway.errors import TooLargeError
from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.limits import Limits

ZIP_START: Final = b"PK\x03\x04"
BROKEN: Final = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
    expat.ExpatError,
)
"""What readers of zip and XML raise for a file that is not what its name says."""

_END = b"PK\x05\x06"
_END_BYTES, _LONGEST_COMMENT = 22, 65535
_LOCATOR, _LOCATOR_BYTES = b"PK\x06\x07", 20
# A header in the directory with a long name.
_DIRECTORY_ENTRY_BYTES = 512
_BEFORE_XML = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
# Others are unpacked by Python without a bound.
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


def open_package(data: bytes, limits: Limits) -> zipfile.ZipFile:
    """Return an archive whose parts, unpacked, stay within the limits. Nothing is unpacked yet.

    Raises:
        TooLargeError: they do not.
        SpreadsheetError: it is no archive, or one that spreadsheet programs do not write.
    """
    _check_directory(data, limits)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except BROKEN as error:
        raise SpreadsheetError("The file is damaged, or its name has the wrong ending.") from error
    parts = archive.infolist()
    size = sum(part.file_size for part in parts)
    if len(parts) > limits.parts or size > limits.unpacked_bytes:
        raise TooLargeError(
            f"The spreadsheet unpacks to {size} bytes in {len(parts)} parts; at most {limits.unpacked_bytes} bytes in "
            f"{limits.parts} parts are accepted."
        )
    if any(part.compress_type not in _METHODS or part.flag_bits & 1 for part in parts):
        raise SpreadsheetError("The file is encrypted or packed in an unusual way; save it again without a password.")
    return archive


def _check_directory(data: bytes, limits: Limits) -> None:
    """Refuse an archive with a long directory, which would be read as a whole."""
    at = data.rfind(_END, max(0, len(data) - _END_BYTES - _LONGEST_COMMENT))
    if not data.startswith(ZIP_START) or at < 0 or len(data) < at + _END_BYTES:
        raise SpreadsheetError("The file is damaged, is protected by a password, or its name has the wrong ending.")
    if at >= _LOCATOR_BYTES and data.startswith(_LOCATOR, at - _LOCATOR_BYTES):
        raise SpreadsheetError("The file is packed in the form for more than 4 GB; save it again.")
    (directory_bytes,) = struct.unpack_from("<I", data, at + 12)
    if directory_bytes > limits.parts * _DIRECTORY_ENTRY_BYTES:
        raise TooLargeError(f"The spreadsheet has more than {limits.parts} parts.")


def read_part(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return one part, unpacked.

    Raises:
        SpreadsheetError: it is missing or damaged.
    """
    try:
        with archive.open(name) as part:
            # With a number: without one, Python unpacks all there is before it cuts it to the size in the directory.
            return part.read(archive.getinfo(name).file_size + 1)
    except BROKEN as error:
        raise SpreadsheetError(f"The part {name!r} of the file is missing or damaged.") from error


def copy_inspected(archive: zipfile.ZipFile, inspection: Inspection) -> io.BytesIO:
    """Return an archive of the parts that are XML, once they were inspected.

    A reader that gets the copy cannot be led to unpack more than was looked at.

    Raises:
        TooLargeError: a part is over a limit.
        SpreadsheetError: a part is no XML, or declares a document type or entities.
    """
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w") as copied:
        for name in dict.fromkeys(archive.namelist()):
            data = read_part(archive, name)
            if name.endswith((".xml", ".rels", ".vml")) or data[:64].lstrip(_BEFORE_XML).startswith(b"<"):
                inspection.parse(data, name)
                copied.writestr(name, data)
    return copy


class Inspection:
    """Counts the elements of all parts together, and refuses what would exhaust whoever reads them."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._elements = 0
        self._depth = 0

    def parse(self, data: bytes, name: str) -> None:
        """Walk through one part, at once: in pieces, a long token would be read again and again."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartDoctypeDeclHandler = _refuse_declaration
        parser.EntityDeclHandler = _refuse_declaration
        parser.CommentHandler = self._check_text
        parser.ProcessingInstructionHandler = self._check_text
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.text
        self._depth = 0
        try:
            parser.Parse(data, True)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise SpreadsheetError(f"The part {name!r} of the file is damaged.") from error

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Count an element."""
        self._elements += 1
        self._depth += 1
        if self._elements > self._limits.elements:
            raise TooLargeError(f"The spreadsheet has more than {self._limits.elements} elements; split it.")
        if self._depth > self._limits.depth:
            raise TooLargeError(f"The spreadsheet nests elements more than {self._limits.depth} deep.")
        self._check_text(name, *attributes.values())

    def end(self, name: str) -> None:
        """Leave an element."""
        self._depth -= 1

    def text(self, text: str) -> None:
        """Pass over text, which is as long as its part at most."""

    def _check_text(self, *texts: str) -> None:
        size = sum(map(len, texts))
        if size > self._limits.token_chars:
            raise TooLargeError(f"The spreadsheet has an element of {size} characters.")


def _refuse_declaration(*_: object) -> None:
    raise SpreadsheetError("The file declares a document type or entities, which no spreadsheet needs; save it again.")
