"""The metrics of an attempt that has ended: every column of the schema found and cast, or why there are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from device_worker.excerpt import cut
from device_worker.metrics.documents import DocumentValues
from device_worker.metrics.result_file import read_result_file
from device_worker.metrics.value import (
    MissingValueError,
    UnfitValueError,
    cast_value,
    find_value,
    is_finite,
    read_scalar,
)
from queue_server.protocol.result_schema import LONGEST_EXTRACTION_ERROR, Column, ResultSchema

FindValue = Callable[[Column], Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """The values by the names of columns, or why there are none."""

    metrics: dict[str, int | float | str] = field(default_factory=dict[str, "int | float | str"])
    error: str = ""


def measure(schema: ResultSchema, directory: Path | None, documents: DocumentValues | None = None) -> Measured:
    """Return the metrics of an attempt by its files in ``directory`` and by its documents.

    There are none if a required value is missing, if any value does not fit its column, or if the result file is
    missing although a column has a path in it. A number that is infinite, or not a number, is left out, and counts as
    there. A value that is not required may be missing.
    """
    found: dict[str, int | float | str] = {}
    obstacles: list[str] = []
    find = _Finder(schema, directory, documents)
    for column in schema.columns:
        try:
            value = read_scalar(find(column))
            if is_finite(value):
                found[column.name] = cast_value(value, column.dtype)
        except MissingValueError as error:
            if column.required:
                obstacles.append(f"Column {column.name!r}: {error}.")
        except UnfitValueError as error:
            obstacles.append(f"Column {column.name!r}: {error}.")
    if obstacles:
        return Measured(error=cut(" ".join(obstacles), LONGEST_EXTRACTION_ERROR))
    return Measured(found)


class _Finder:
    """Finds the value of a column in whatever it comes from; the result file is read when it is first needed."""

    def __init__(self, schema: ResultSchema, directory: Path | None, documents: DocumentValues | None) -> None:
        self._file = schema.file or ""
        self._directory = directory
        self._documents = documents
        self._content: list[Any] = []

    def __call__(self, column: Column) -> Any:
        if column.path is not None:
            return self._look_up(column.path)
        if self._documents is None:
            raise MissingValueError("the attempt has no documents, because it is no plan")
        return self._documents.find(column)

    def _look_up(self, path: str) -> Any:
        if not self._content:
            try:
                self._content.append(read_result_file(self._directory, self._file))
            except MissingValueError as error:
                # Without the file there are no metrics, whether the column is required or not.
                raise UnfitValueError(str(error)) from error
        try:
            return find_value(self._content[0], path)
        except MissingValueError as error:
            raise MissingValueError(f"{error} in the file {self._file!r}") from error
