"""Names of people's files: which are accepted, alone and as paths in an archive. It touches no file system."""

from __future__ import annotations

import unicodedata
from typing import Final

from queue_server.protocol.errors import ParameterError
from queue_server.protocol.records import MAX_MEMBER_BYTES

MAX_NAME_BYTES: Final = 255
"""What Linux and most file systems admit, in bytes of UTF-8."""

# Control characters, halves of a pair of surrogates, separators of lines and of paragraphs.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
# They turn the direction of what follows, so that `exe.mrd` could be read where `drm.exe` is written.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LONGEST_SHOWN = 60


def take_file_name(text: str, field: str = "filename") -> str:
    r"""Return the last component of a path that somebody gave, for ``/`` and ``\`` alike.

    Raises:
        ParameterError: it is empty, of dots and spaces only, too long, or has characters that no name should have.
    """
    name = text.replace("\\", "/").rpartition("/")[2]
    _check_component(name, text, field)
    return name


def check_member_name(text: str, field: str = "name") -> None:
    r"""Refuse what is no relative path of acceptable names with ``/`` between them, at most 1024 bytes long.

    Raises:
        ParameterError: it is absolute, leads upwards, has an empty or otherwise unacceptable component, or a ``\``.
    """
    if "\\" in text:
        raise _refusal(text, field, "has a backslash, which some systems take for a slash")
    for component in text.split("/"):
        _check_component(component, text, field)
    if _length(text) > MAX_MEMBER_BYTES:
        raise _refusal(text, field, f"is longer than {MAX_MEMBER_BYTES} bytes")


def _check_component(name: str, text: str, field: str) -> None:
    found = next((character for character in name if _is_refused(character)), None)
    if found is not None:
        raise _refusal(text, field, f"has the character U+{ord(found):04X}, which no file name may have")
    if not name:
        raise _refusal(text, field, "has an empty component" if text else "is empty")
    # Some systems drop dots and spaces at the end, and what is left of `.. ` is `..`.
    if not name.strip(". "):
        raise _refusal(text, field, f"has the component {name!r}, of dots and spaces only")
    if _length(name) > MAX_NAME_BYTES:
        raise _refusal(text, field, f"is longer than {MAX_NAME_BYTES} bytes")


def _is_refused(character: str) -> bool:
    return character in _TURNING or unicodedata.category(character) in _REFUSED_CATEGORIES


def _length(text: str) -> int:
    return len(text.encode())


def _refusal(text: str, field: str, reason: str) -> ParameterError:
    shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
    return ParameterError(f"The file name {shown!r} ({field}) {reason}. Give it another name.", field=field)
