"""The simulated processing profile: graphs that simulate a scan, reconstruct its image, and summarize metrics.

As startup code it is named ``device_worker.sim.reconstruction``.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from device_worker.compute import InputArray, graph, keep, node
from device_worker.sim.phantom import make_kspace, make_phantom
from device_worker.sim.summary import summarize_metrics

__all__ = ["reconstruct_image", "simulate_scan", "summarize_metrics"]

Image = npt.NDArray[np.floating[Any]]


@node
def coil_image(kspace: npt.NDArray[np.complexfloating[Any, Any]]) -> npt.NDArray[np.complexfloating[Any, Any]]:
    """Return the complex image of one coil with the shape of its k-space, whose centre is in the middle."""
    shifted = np.fft.ifftshift(kspace)
    return np.fft.fftshift(np.fft.ifft2(shifted, norm="ortho"))


@node
def combine_coils(images: list[npt.NDArray[np.complexfloating[Any, Any]]]) -> Image:
    """Return the root of the sum of squares of the images, as float32."""
    return np.sqrt(sum(np.abs(image) ** 2 for image in images)).astype(np.float32)


@node
def measure_quality(image: Image, coils: int) -> dict[str, float | None]:
    """Compare an image with the phantom.

    Returns:
        ``coils``; ``error``, the root of the mean square deviation from the phantom, where 1 is the brightness of the
        skull; ``noise``, the standard deviation of the real part of one coil, from the corners, where the phantom is
        empty; ``snr``, the mean of the head divided by that noise, null without noise.
    """
    phantom = make_phantom(image.shape[0])
    head = phantom > 0
    rows, columns = np.indices(image.shape)
    middle = (image.shape[0] - 1) / 2
    empty = np.hypot(rows - middle, columns - middle) > middle
    # Each coil adds the squares of a real and an imaginary part.
    noise = float(np.sqrt(np.mean(image[empty].astype(np.float64) ** 2) / (2 * coils)))
    error = float(np.sqrt(np.mean((image - phantom) ** 2)))
    return {
        "coils": coils,
        "error": error,
        "noise": noise,
        "snr": float(np.mean(image[head])) / noise if noise else None,
    }


@node
def make_picture(image: Image, percentile: float) -> npt.NDArray[np.uint8]:
    """Return the image in 256 grey values, of which the last begins at a percentile of its values."""
    white = float(np.percentile(image, percentile)) or 1.0
    return np.clip(np.rint(image / white * 255), 0, 255).astype(np.uint8)


@node
def receive_kspace(size: int, coils: int, noise: float, seed: int) -> npt.NDArray[np.complexfloating[Any, Any]]:
    """Return what the coils of a simulated scanner receive from the phantom; see ``make_kspace``."""
    return make_kspace(size, coils, noise, seed)


@graph
def simulate_scan(
    size: Annotated[int, Field(ge=8, le=512)] = 128,
    coils: Annotated[int, Field(ge=1, le=32)] = 8,
    noise: Annotated[float, Field(ge=0)] = 0.01,
    seed: Annotated[int, Field(ge=0)] = 0,
) -> dict[str, Any]:
    """Simulate the scan of a phantom: k-space for ``reconstruct_image``.

    Args:
        size: rows and columns.
        coils: how many coils receive.
        noise: standard deviation of real and imaginary part, where the brightest part of the phantom has 1.
        seed: the same seed gives the same noise.
    """
    return {"kspace.npy": receive_kspace(size, coils, noise, seed)}


@graph
def reconstruct_image(
    kspace: InputArray, percentile: Annotated[float, Field(gt=0, le=100)] = 99.5, keep_coils: bool = False
) -> dict[str, Any]:
    """Reconstruct an image from the k-space of several coils.

    Args:
        kspace: complex array with shape (coils, size, size), as ``make_kspace`` gives it.
        percentile: share of the pixels, in percent, that the picture shows without making them white.
        keep_coils: also write the complex image of each coil.
    """
    if len(kspace.shape) != 3 or kspace.shape[1] != kspace.shape[2]:
        raise ValueError(f"k-space has the shape {kspace.shape}: (coils, size, size) is needed")
    images = coil_image.map(kspace.slices())
    if keep_coils:
        for index, image in enumerate(images):
            keep(f"coils/{index}.npy", image)
    combined = combine_coils(images)
    return {
        "image.npy": combined,
        "image.png": make_picture(combined, percentile),
        "metrics.json": measure_quality(combined, coils=kspace.shape[0]),
    }
