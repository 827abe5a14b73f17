"""The content of a published document: a message within the bounds, or the reason why it is none. Sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgpack  # pyright: ignore[reportMissingTypeStubs]

from queue_server.protocol.codec import encode, plain_form
from queue_server.protocol.documents import MOST_PUBLISHED_BYTES, make_plain

# msgpack ships no types.
_msgpack: Any = msgpack


class OmittedError(Exception):
    """A document is not sent; the message says why."""


class ContentEncoder:
    """Encodes one document after the other in the same memory, for one thread at a time."""

    def __init__(self) -> None:
        self._elements = 0
        self._packer = self._make_packer()

    def encode(self, document: Mapping[str, Any]) -> bytes:
        """Return a document as a message.

        Raises:
            OmittedError: it is too large, or cannot be put into a message.
        """
        self._elements = 0
        try:
            content: bytes = self._packer.pack(document)
        except (TypeError, ValueError, OverflowError, RecursionError):
            # Values without a form in a message are shown as in the record.
            content = _encode_any(document)
        if len(content) > MOST_PUBLISHED_BYTES:
            # It would hold as much as the largest document has ever taken.
            self._packer = self._make_packer()
            raise _too_large(len(content))
        return content

    def _make_packer(self) -> Any:
        return _msgpack.Packer(use_bin_type=True, default=self._make_plain)

    def _make_plain(self, value: object) -> object:
        self._elements += _size(value)
        if self._elements > MOST_PUBLISHED_BYTES:
            # To make a list of a large array takes a multiple of its time and memory.
            raise _too_large(self._elements)
        return plain_form(value)


def _encode_any(document: Mapping[str, Any]) -> bytes:
    data = document.get("data")
    elements = sum(map(_size, data.values())) if isinstance(data, Mapping) else 0
    if elements > MOST_PUBLISHED_BYTES:
        raise _too_large(elements)
    try:
        return encode(make_plain(document), "msgpack")
    except (TypeError, ValueError, OverflowError) as error:
        raise OmittedError(_explain(error)) from error


def _explain(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError) else f"it cannot be put into a message: {error}"


def _size(value: object) -> int:
    """Return the number of elements of an array, each of which takes a byte or more; 0 for anything else."""
    size = getattr(value, "size", 0)
    return size if isinstance(size, int) else 0


def _too_large(size_bytes: int) -> OmittedError:
    return OmittedError(f"it takes {size_bytes} bytes or more, and at most {MOST_PUBLISHED_BYTES} are published")
