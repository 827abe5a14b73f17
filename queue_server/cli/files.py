"""What commands read: YAML or JSON from a file or from standard input."""

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

    try:
        text = sys.stdin.read() if source == "-" else Path(source).expanduser().read_text(encoding="utf-8")
        return yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"{source} cannot be read: {error}", field=source) from error
    except yaml.YAMLError as error:
        raise ParameterError(f"{source} is neither YAML nor JSON: {error}", field=source) from error
