"""A simulated acquisition for magnetic resonance imaging: k-space of the Shepp-Logan phantom, several coils, noise.

The ellipses are those of table I in L. A. Shepp and B. F. Logan, "The Fourier reconstruction of a head section", IEEE
Transactions on Nuclear Science 21 (1974) 21-43, https://doi.org/10.1109/TNS.1974.6499235. Their grey values differ by
so little that an eye sees nothing inside the skull; ``contrast="high"`` takes the values of P. Toft, "The Radon
transform: theory and implementation", thesis, Technical University of Denmark (1996), table B.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Contrast = Literal["original", "high"]

# Centre x and y, half axes along x and y before the turn, turn in degrees; the head lies in the square from -1 to 1.
_ELLIPSES: Final = (
    (0.0, 0.0, 0.69, 0.92, 0.0),
    (0.0, -0.0184, 0.6624, 0.874, 0.0),
    (0.22, 0.0, 0.11, 0.31, -18.0),
    (-0.22, 0.0, 0.16, 0.41, 18.0),
    (0.0, 0.35, 0.21, 0.25, 0.0),
    (0.0, 0.1, 0.046, 0.046, 0.0),
    (0.0, -0.1, 0.046, 0.046, 0.0),
    (-0.08, -0.605, 0.046, 0.023, 0.0),
    (0.0, -0.605, 0.023, 0.023, 0.0),
    (0.06, -0.605, 0.023, 0.046, 0.0),
)
_GREY_VALUES: Final[dict[Contrast, tuple[float, ...]]] = {
    "original": (2.0, -0.98, -0.02, -0.02, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01),
    "high": (1.0, -0.8, -0.2, -0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1),
}
_COIL_RADIUS = 1.3
_COIL_WIDTH = 0.9


def make_phantom(size: int, contrast: Contrast = "high") -> npt.NDArray[np.float64]:
    """Return the phantom with shape (size, size), row 0 at the top; values from 0 to 1 in high contrast, else to 2.

    Raises:
        ValueError: the size is smaller than 1.
    """
    x, y = _make_grid(size)
    image = np.zeros((size, size))
    for (x0, y0, a, b, degrees), grey in zip(_ELLIPSES, _GREY_VALUES[contrast], strict=True):
        turn = np.deg2rad(degrees)
        along = (x - x0) * np.cos(turn) + (y - y0) * np.sin(turn)
        across = (y - y0) * np.cos(turn) - (x - x0) * np.sin(turn)
        image[(along / a) ** 2 + (across / b) ** 2 <= 1.0] += grey
    # Sums such as 1.0 - 0.8 - 0.2 are not exactly 0.
    return np.clip(image, 0.0, None)


def make_coil_maps(coils: int, size: int) -> npt.NDArray[np.complex128]:
    """Return the sensitivities of coils around the head with shape (coils, size, size).

    Each is strongest near its coil and has a phase of its own. The sum of their squared magnitudes is 1 everywhere.

    Raises:
        ValueError: there is no coil, or the size is smaller than 1.
    """
    if coils < 1:
        raise ValueError(f"there are {coils} coils: give 1 or more")
    x, y = _make_grid(size)
    angles = 2 * np.pi * np.arange(coils).reshape(-1, 1, 1) / coils
    to_x, to_y = x - _COIL_RADIUS * np.cos(angles), y - _COIL_RADIUS * np.sin(angles)
    maps = np.exp(-(to_x**2 + to_y**2) / (2 * _COIL_WIDTH**2)) * np.exp(1j * (angles + 0.5 * (to_x + to_y)))
    return maps / np.sqrt(np.sum(np.abs(maps) ** 2, axis=0))


def make_kspace(size: int = 128, coils: int = 8, noise: float = 0.01, seed: int = 0) -> npt.NDArray[np.complex64]:
    """Return what the coils receive from the phantom in high contrast, with shape (coils, rows, columns).

    The centre of k-space is at index ``size // 2`` of rows and columns. The transform keeps the energy, so that the
    noise of the image is that of k-space.

    Args:
        size: rows and columns.
        coils: how many coils receive.
        noise: standard deviation of real and imaginary part, where the brightest part of the phantom has 1.
        seed: the same seed gives the same noise.

    Raises:
        ValueError: a number is out of its range.
    """
    return np.stack(list(receive_lines(size, coils, noise, seed)), axis=1)


def receive_lines(
    size: int = 128, coils: int = 8, noise: float = 0.01, seed: int = 0
) -> Iterator[npt.NDArray[np.complex64]]:
    """Yield the rows of ``make_kspace`` as a scanner receives them, one after the other, each of shape (coils, size).

    Raises:
        ValueError: a number is out of its range; before the first row.
    """
    if noise < 0:
        raise ValueError(f"the noise is {noise}: give 0 or more")
    images = make_coil_maps(coils, size) * make_phantom(size)
    centred = np.fft.ifftshift(images, axes=(1, 2))
    kspace = np.fft.fftshift(np.fft.fft2(centred, norm="ortho"), axes=(1, 2))
    return _add_noise(kspace, noise, np.random.default_rng(seed))


def _add_noise(
    kspace: npt.NDArray[np.complex128], noise: float, source: np.random.Generator
) -> Iterator[npt.NDArray[np.complex64]]:
    for row in range(kspace.shape[1]):
        line = kspace[:, row]
        drawn = source.standard_normal(line.shape) + 1j * source.standard_normal(line.shape)
        yield (line + noise * drawn).astype(np.complex64)


def _make_grid(size: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the coordinates of the middles of the pixels: x of shape (1, size), y of shape (size, 1), upwards."""
    if size < 1:
        raise ValueError(f"the size is {size}: give 1 or more")
    middles = (2 * np.arange(size) + 1) / size - 1
    return middles.reshape(1, -1), -middles.reshape(-1, 1)
