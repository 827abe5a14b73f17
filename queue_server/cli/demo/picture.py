"""A small picture of an image for a terminal: two pixels in each character, in shades of grey."""

from __future__ import annotations

import ast
import math
from array import array
from collections.abc import Sequence
from pathlib import Path

from queue_server.cli.render import on_terminal

_MAGIC = b"\x93NUMPY\x01\x00"
_FLOAT32 = "<f4"

Rows = Sequence[Sequence[float]]


def read_image(path: Path) -> Rows:
    """Return the rows of a float32 image, row 0 at the top.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such image.
    """
    content = path.read_bytes()
    begin = 10 + int.from_bytes(content[8:10], "little")
    if not content.startswith(_MAGIC):
        raise ValueError(f"{path} is no array of numpy in the first version of its format")
    header = ast.literal_eval(content[10:begin].decode("latin-1"))
    if header["descr"] != _FLOAT32 or header["fortran_order"] or len(header["shape"]) != 2:
        raise ValueError(f"{path} is no image of float32, but {header}")
    values = array("f", content[begin:])
    rows, columns = header["shape"]
    if len(values) != rows * columns:
        raise ValueError(f"{path} has {len(values)} values, and {rows} x {columns} belong to it")
    return [values[row * columns : (row + 1) * columns] for row in range(rows)]


def shrink(image: Rows, size: int) -> list[list[float]]:
    """Return an image of at most ``size`` rows and columns; each of its pixels is the mean of those that it covers."""
    rows, columns = _split(len(image), size), _split(len(image[0]), size)
    return [[_mean([image[row][column] for row in high for column in wide]) for wide in columns] for high in rows]


def show_picture(image: Rows, size: int = 48) -> None:
    """Draw an image where somebody can see it; elsewhere nothing is printed."""
    if not on_terminal():
        return
    from rich.console import Console
    from rich.text import Text

    small = shrink(image, size)
    white = max(map(max, small)) or 1.0
    # An eye tells dark greys apart better when they are lifted.
    greys = [[round(255 * math.sqrt(max(0.0, value) / white)) for value in row] for row in small]
    black = [0] * len(greys[0])
    text = Text()
    for upper, lower in zip(greys[::2], [*greys[1::2], black], strict=False):
        for top, bottom in zip(upper, lower, strict=True):
            text.append("▀", style=f"rgb({top},{top},{top}) on rgb({bottom},{bottom},{bottom})")
        text.append("\n")
    Console().print(text)


def _split(length: int, parts: int) -> list[range]:
    parts = min(length, parts)
    return [range(part * length // parts, (part + 1) * length // parts) for part in range(parts)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
