"""What is known of an artifact before its first byte, and whether what arrives agrees with it. It touches no file."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from queue_server.protocol.errors import ParameterError
from queue_server.protocol.records import CONTENT_TYPE_PATTERN, DEFAULT_CONTENT_TYPE, MAX_CONTENT_TYPE_LENGTH

MAX_SIZE_BYTES: Final = 16 * 1024**3
"""Largest artifact, unless the caller states another limit."""

_CONTENT_TYPE = re.compile(CONTENT_TYPE_PATTERN)
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class Expectation(Struct, frozen=True):
    """What is known of an artifact before its first byte; None is not known."""

    size_bytes: int | None = None
    sha256: str | None = None
    content_type: str = DEFAULT_CONTENT_TYPE
    max_size_bytes: int = MAX_SIZE_BYTES

    def check(self) -> None:
        """Refuse an expectation that no artifact can meet.

        Raises:
            ParameterError: a size is negative or above the limit, or a text is not of its form.
        """
        if self.size_bytes is not None and self.size_bytes < 0:
            raise ParameterError(f"A file cannot have {self.size_bytes} bytes.", field="size_bytes")
        self.check_size(self.size_bytes or 0)
        if self.sha256 is not None and not _SHA256.fullmatch(self.sha256):
            raise ParameterError("sha256 must have 64 hexadecimal digits, or be left out.", field="sha256")
        is_known = len(self.content_type) <= MAX_CONTENT_TYPE_LENGTH and _CONTENT_TYPE.fullmatch(self.content_type)
        if not is_known:
            raise ParameterError(
                f"{self.content_type[:80]!r} is not a media type, such as {DEFAULT_CONTENT_TYPE}.",
                field="content_type",
            )

    def check_size(self, size_bytes: int) -> None:
        """Refuse more bytes than are announced or admitted.

        Raises:
            ParameterError: there are more.
        """
        if size_bytes > self.max_size_bytes:
            raise ParameterError(
                f"The file is larger than the limit of {self.max_size_bytes} bytes.",
                field="size_bytes",
                details={"max_size_bytes": self.max_size_bytes},
            )
        if self.size_bytes is not None and size_bytes > self.size_bytes:
            raise ParameterError(
                f"More bytes arrived than the {self.size_bytes} that were announced; send the file again.",
                field="size_bytes",
            )

    def check_end(self, size_bytes: int, sha256: str) -> None:
        """Refuse what is complete and is not what was announced.

        Raises:
            ParameterError: size or checksum are others.
        """
        if self.size_bytes is not None and size_bytes != self.size_bytes:
            raise ParameterError(
                f"Only {size_bytes} of the {self.size_bytes} bytes that were announced have arrived; send the file "
                "again.",
                field="size_bytes",
            )
        if self.sha256 is not None and sha256 != self.sha256.lower():
            raise ParameterError(
                f"The bytes that arrived are not those that were announced: their SHA-256 is {sha256} instead of "
                f"{self.sha256.lower()}; send the file again.",
                field="sha256",
                details={"sha256": sha256},
            )
