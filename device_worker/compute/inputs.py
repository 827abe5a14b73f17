"""Handles of the files that a graph processes. A graph sees the handle; a node gets the file's path or its array."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file of any kind; a node that it is given to gets its path."""

    path: Path

    def load(self) -> Path:
        """Return what a node gets."""
        return self.path

    @classmethod
    def open(cls, path: str | Path) -> InputFile:
        """Return the handle of a file.

        Raises:
            OSError: it does not exist or cannot be read.
        """
        with Path(path).open("rb"):
            return cls(Path(path))


@dataclass(frozen=True, slots=True)
class InputArray:
    """An array in a file of numpy's format (``.npy``); a node that it is given to gets the array, read-only.

    Only the head of the file is read here; the elements are mapped into memory by the process of the node.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def slices(self, axis: int = 0) -> list[ArraySlice]:
        """Return a handle for each index along an axis, for example to treat every coil by itself.

        Raises:
            ValueError: the array has no such axis.
        """
        if not -len(self.shape) <= axis < len(self.shape):
            raise ValueError(f"{self.path.name} has {len(self.shape)} axes: there is no axis {axis}")
        return [ArraySlice(self.path, axis, index) for index in range(self.shape[axis])]

    def load(self) -> npt.NDArray[Any]:
        """Return what a node gets."""
        return _map_array(self.path)

    @classmethod
    def open(cls, path: str | Path) -> InputArray:
        """Return the handle of an array.

        Raises:
            OSError: the file does not exist or cannot be read.
            ValueError: it is not an array in numpy's format, or one of Python objects.
        """
        array = _map_array(Path(path))
        return cls(Path(path), array.shape, array.dtype)


@dataclass(frozen=True, slots=True)
class ArraySlice:
    """One index of an axis of an array; a node that it is given to gets an array with one axis less, read-only."""

    path: Path
    axis: int
    index: int

    def load(self) -> npt.NDArray[Any]:
        """Return what a node gets."""
        return np.moveaxis(_map_array(self.path), self.axis, 0)[self.index]


Handle = InputFile | InputArray | ArraySlice


def _map_array(path: Path) -> npt.NDArray[Any]:
    # The format is looked at first: np.load would try to unpickle whatever it does not know.
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    # The plain class: what a node returns travels to other processes, where the mapping does not exist.
    return np.asarray(mapped)
