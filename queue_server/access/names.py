"""Names that people choose: short, visible, and written in one way only."""

from __future__ import annotations

from unicodedata import is_normalized

from queue_server.access.field_error import show_value
from queue_server.protocol.errors import ParameterError

LONGEST_NAME = 128
LONGEST_DOTTED = 512
"""Characters of a name with its levels, such as that of a component of a device."""


def require_name(name: str, field: str) -> None:
    """Refuse a name that two people could not tell from another one, or that is none.

    Raises:
        ParameterError: it is longer than 128 characters, has characters that are not shown, or is not in the composed
            form of Unicode (NFC); the message names the field.
    """
    if len(name) > LONGEST_NAME:
        problem = f"has {len(name)} characters; at most {LONGEST_NAME} are accepted"
    elif not name.isprintable():
        problem = f"{show_value(name)} has characters that are not shown"
    elif not is_normalized("NFC", name):
        problem = f"{show_value(name)} is not in the composed form of Unicode (NFC)"
    else:
        return
    raise ParameterError(f"Incorrect request format: {field!r} {problem}.", field=field)
