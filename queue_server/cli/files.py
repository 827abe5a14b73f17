"""What commands read, from a file or from standard input: text, YAML or JSON."""

from __future__ import annotations

import sys
from pathlib import Path

from queue_server.protocol.errors import ParameterError


def read_document(source: str) -> object:
    """Return the content of a file, or of standard input for ``-``; JSON is YAML too.

    Raises:
        ParameterError: the file cannot be read, or is not YAML.
    """
    import yaml

    text = read_text(source)
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ParameterError(f"{source} is neither YAML nor JSON: {error}", field=source) from error


def read_text(source: str) -> str:
    """Return the text of a file, or of standard input for ``-``.

    Raises:
        ParameterError: the file cannot be read.
    """
    try:
        return sys.stdin.read() if source == "-" else Path(source).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"{source} cannot be read: {error}", field=source) from error
