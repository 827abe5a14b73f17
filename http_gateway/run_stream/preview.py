"""A small picture of an array: at most 512 by 512 pixels of one byte, and the values of black and white. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 512


@dataclass(frozen=True, slots=True)
class Preview:
    """Pixels row by row: ``vmin`` is black, as is what is not finite, and ``vmax`` white; one of ``step`` is shown."""

    rows: int
    columns: int
    step: int
    vmin: float
    vmax: float
    pixels: bytes


def make_preview(value: Any) -> Preview | None:
    """Return a picture of a two-dimensional array, or of the last of several; None for what is neither."""
    try:
        found: NDArray[np.float64] = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    while found.ndim > 2 and found.size:
        found = found[-1]
    if found.ndim != 2 or not found.size:
        return None
    step = max(math.ceil(max(found.shape) / LARGEST), 1)
    shown = found[::step, ::step]
    finite = shown[np.isfinite(shown)]
    vmin, vmax = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    scale = 255.0 / (vmax - vmin) if vmax > vmin else 0.0
    pixels = ((np.where(np.isfinite(shown), shown, vmin) - vmin) * scale).round().astype(np.uint8)
    return Preview(pixels.shape[0], pixels.shape[1], step, vmin, vmax, pixels.tobytes())
