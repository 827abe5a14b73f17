"""Writes values into files in the form that the ending of the name asks for. Knows nothing of graphs."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from device_worker.compute.composition import Role
from device_worker.compute.errors import OutputError
from device_worker.kept_file import find_content_type


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A complete file: its name below the directory of the graph, its size, checksum and media type."""

    name: str
    size_bytes: int
    sha256: str
    content_type: str
    role: Role

    def to_map(self) -> dict[str, Any]:
        """Return the entry as JSON says it."""
        return asdict(self)


def write_output(path: Path, name: str, value: Any, role: Role) -> FileEntry:
    """Write a value into a new file at ``path`` in the form that ``name`` asks for; return the entry for ``name``.

    ``.npy`` takes an array, ``.npz`` a mapping of arrays, ``.json`` what JSON knows and numpy's numbers and arrays,
    ``.png`` an array of uint8 or uint16 with shape (rows, columns), or uint8 with (rows, columns, 3 or 4), ``.txt``
    and ``.csv`` text; every other ending takes bytes. Bytes are written as they are, whatever the ending. The file
    is on the disk when this returns.

    Raises:
        OutputError: the value does not fit the ending.
        OSError: the file cannot be written.
    """
    write = _write_bytes if isinstance(value, bytes) else _WRITERS.get(PurePosixPath(name).suffix.lower(), _write_bytes)
    with path.open("xb+") as file:
        try:
            write(file, value)
        except (TypeError, ValueError) as error:
            raise OutputError(f"File {name!r}: {error}") from error
        file.flush()
        os.fsync(file.fileno())
        size_bytes = file.tell()
        file.seek(0)
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    return FileEntry(name, size_bytes, checksum, find_content_type(name), role)


def _write_bytes(file: Any, value: Any) -> None:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise TypeError(f"a file of this kind takes bytes, not {_name_type(value)}")
    file.write(value)


def _write_npy(file: Any, value: Any) -> None:
    np.save(file, _to_array(value), allow_pickle=False)


def _write_npz(file: Any, value: Any) -> None:
    if not isinstance(value, Mapping) or not value:
        raise TypeError(f"a .npz file takes a mapping from names to arrays, not {_name_type(value)}")
    arrays: dict[str, Any] = {str(name): _to_array(array) for name, array in value.items()}
    if taken := {"file", "allow_pickle"} & set(arrays):
        raise ValueError(f"an array in a .npz file cannot be called {taken.pop()!r}")
    np.savez(file, **arrays)
    file.seek(0, io.SEEK_END)


def _to_array(value: Any) -> np.ndarray[Any, Any]:
    array = np.asarray(value)
    if array.dtype.hasobject:
        raise TypeError(f"it takes an array of numbers or text, not {_name_type(value)}")
    return array


def _write_json(file: Any, value: Any) -> None:
    # NaN has no form in JSON, and readers would fail over it.
    text = json.dumps(value, default=_to_plain, allow_nan=False, ensure_ascii=False, indent=2)
    file.write(f"{text}\n".encode())


def _to_plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"JSON has no form for {_name_type(value)}")


def _write_text(file: Any, value: Any) -> None:
    if not isinstance(value, str):
        raise TypeError(f"a text file takes a text, not {_name_type(value)}")
    file.write(value.encode())


def _write_png(file: Any, value: Any) -> None:
    try:
        from PIL import Image
    except ImportError as error:
        raise OutputError(
            "PNG files need Pillow: install the extra 'compute', pip install 'cuelight[compute]'"
        ) from error
    Image.fromarray(_check_picture(value)).save(file, format="PNG")


def _check_picture(value: Any) -> np.ndarray[Any, Any]:
    picture = np.asarray(value)
    is_grey = picture.ndim == 2 and picture.dtype in (np.uint8, np.uint16)
    is_colour = picture.ndim == 3 and picture.shape[2] in (3, 4) and picture.dtype == np.uint8
    if not picture.size or not (is_grey or is_colour):
        raise TypeError(
            f"a .png file takes uint8 or uint16 with shape (rows, columns), or uint8 with (rows, columns, 3 or 4), not "
            f"{picture.dtype} with shape {picture.shape}"
        )
    return np.ascontiguousarray(picture)


def _name_type(value: Any) -> str:
    return f"{type(value).__name__} of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__


_WRITERS: Mapping[str, Callable[[Any, Any], None]] = {
    ".npy": _write_npy,
    ".npz": _write_npz,
    ".json": _write_json,
    ".png": _write_png,
    ".txt": _write_text,
    ".csv": _write_text,
}
