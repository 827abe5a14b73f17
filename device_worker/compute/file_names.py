"""Which names files of a graph may have, and what their endings mean. Touches no file."""

from __future__ import annotations

import re

MANIFEST = "manifest.json"
"""The file that lists the others; no graph may write it."""

LONGEST_NAME = 200

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+=@-]*")


def check_file_name(name: object) -> None:
    """Check the name of a file below the directory of its graph, such as ``image.png`` or ``coils/0.npy``.

    Raises:
        ValueError: it is no text, too long, leads out of the directory, or has characters that make trouble somewhere.
    """
    if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME:
        raise ValueError(f"{name!r} is not a text of 1 to {LONGEST_NAME} characters")
    if not all(_PART.fullmatch(part) for part in name.split("/")):
        raise ValueError(
            f"{name!r}: give parts separated by '/', each of letters, digits and . _ + = @ -, beginning with a letter, "
            "a digit or _"
        )
    if name.lower() == MANIFEST:
        raise ValueError(f"{name!r} is the name of the list of all files")
