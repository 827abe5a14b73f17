"""A recorded run as a directory of files: its documents, a table for each stream, and its images as arrays.

It writes into a new directory beside the wanted one, which takes its name once it is complete.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from queue_server.client.run_columns import Column, Table, find_tables
from queue_server.client.run_file import read_documents
from queue_server.client.run_tables import TableFormat, make_table, read_array, read_rows
from queue_server.protocol.documents import write_line
from queue_server.protocol.errors import ParameterError

DOCUMENTS_FILE = "documents.jsonl"

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]")
_LONGEST_NAME = 100


def export_run(path: Path, directory: Path, form: TableFormat) -> list[Path]:
    """Write a run into a directory that does not exist yet; return the files in it.

    ``documents.jsonl`` has the documents, ``STREAM.csv`` (or ``.arrow``, ``.parquet``) the table of each stream. With
    CSV the columns that hold arrays of one shape are files of their own, ``STREAM.COLUMN.npy``: an array for each
    event, with the event as first axis, zeros where there is none. Other characters than letters, digits, ``_``, ``.``
    and ``-`` in names of streams and columns become ``_``.

    Raises:
        ParameterError: the directory exists already, or the library for the format is not installed.
        RunFileError: the file of the run is damaged.
        OSError: the run cannot be read, or the directory cannot be written.
    """
    if directory.exists() or directory.is_symlink():
        raise ParameterError(f"{directory} exists already; name a directory that does not.", field="directory")
    draft = directory.with_name(f".{directory.name}.part")
    draft.mkdir(mode=0o700)
    try:
        names = list(_write_all(path, draft, form))
        draft.rename(directory)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return [directory / name for name in names]


def _write_all(path: Path, draft: Path, form: TableFormat) -> Iterator[str]:
    with (draft / DOCUMENTS_FILE).open("xb") as file:
        for name, document in read_documents(path):
            file.write(write_line(name, document))
    yield DOCUMENTS_FILE
    taken = {DOCUMENTS_FILE}
    for table in find_tables(path).values():
        name = _free_name(table.stream, f".{form}", taken)
        with (draft / name).open("xb") as file:
            file.writelines(make_table(path, table, form))
        yield name
        if form == "csv":
            yield from _write_arrays(path, draft, table, taken)


def _write_arrays(path: Path, draft: Path, table: Table, taken: set[str]) -> Iterator[str]:
    columns = [column for column in table.arrays if column.shape is not None]
    names = [_free_name(f"{table.stream}.{column.name}", ".npy", taken) for column in columns]
    with ExitStack() as stack:
        arrays: list[tuple[Column, Any]] = []
        for column, name in zip(columns, names, strict=True):
            file = stack.enter_context((draft / name).open("xb"))
            _write_header(file, column, table.rows)
            arrays.append((column, file))
        if arrays:
            for event in read_rows(path, table):
                for column, file in arrays:
                    file.write(read_array(event, column).tobytes())
    yield from names


def _write_header(file: Any, column: Column, rows: int) -> None:
    import numpy as np

    described = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(column.element)),
        "fortran_order": False,
        "shape": (rows, *(column.shape or ())),
    }
    np.lib.format.write_array_header_1_0(file, described)


def _free_name(name: str, ending: str, taken: set[str]) -> str:
    base = _NOT_IN_NAMES.sub("_", name)[:_LONGEST_NAME].lstrip(".") or "_"
    found, number = f"{base}{ending}", 1
    while found in taken:
        number += 1
        found = f"{base}-{number}{ending}"
    taken.add(found)
    return found
