"""Where the key of the lock comes from: a file, the environment, or a person who types it unseen."""

from __future__ import annotations

import getpass
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from queue_server.protocol.errors import ParameterError

VARIABLE = "CUELIGHT_LOCK_KEY"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def find_key(file: str | None, *, is_new: bool = False, environ: Mapping[str, str] = os.environ) -> str:
    """Return the key of a file or of standard input (``-``), else of the environment, else ask for it.

    A new key is asked for twice.

    Raises:
        ParameterError: there is none, two answers differ, or other users may read the file.
    """
    if file is not None:
        return _check(read_key(file), file)
    given = environ.get(VARIABLE)
    return take_key(given) if given else _ask(is_new=is_new)


def take_key(text: str) -> str:
    """Return the key that an option or a variable stands for: the text itself, or the content of ``@FILE``.

    Raises:
        ParameterError: the file cannot be read, is empty, or other users may read it.
    """
    return _check(read_key(text[1:]), text) if text.startswith("@") else text


def read_key(file: str) -> str:
    """Return the first line of a file that only its owner may use, or of standard input for ``-``.

    Raises:
        ParameterError: the file cannot be read, or other users may read it.
    """
    if file == "-":
        return sys.stdin.readline().rstrip("\r\n")
    path = Path(file).expanduser()
    try:
        with path.open(encoding="utf-8") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if stat.S_ISREG(mode) and mode & _OTHERS:
                raise ParameterError(f"Other users may use the key in {path}: run chmod 600 {path}", field=file)
            return stream.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"The key in {path} cannot be read: {error}", field=file) from error


def _ask(*, is_new: bool) -> str:
    if not sys.stdin.isatty():
        raise ParameterError(
            f"The key is asked for on a terminal only; give --key-file FILE (- is standard input), or set {VARIABLE}.",
            field="--key-file",
        )
    key = getpass.getpass("Key of the lock: ")
    if is_new and getpass.getpass("Once more: ") != key:
        raise ParameterError("The two keys differ; nothing was locked.", field="key")
    return _check(key, "key")


def _check(key: str, source: str) -> str:
    if not key:
        raise ParameterError("The key is empty.", field=source)
    return key
