from __future__ import annotations

import numpy as np
import pytest

from device_worker.sim.phantom import make_coil_maps, make_kspace, make_phantom, receive_lines


def to_images(kspace):
    shifted = np.fft.ifftshift(kspace, axes=(1, 2))
    return np.fft.fftshift(np.fft.ifft2(shifted, norm="ortho"), axes=(1, 2))


def at(image, x, y):
    """Return the value of the pixel at coordinates from -1 to 1, x to the right and y upwards."""
    size = len(image)
    return image[int((1 - y) / 2 * size), int((x + 1) / 2 * size)]


@pytest.mark.parametrize(
    ("contrast", "skull", "brain", "left", "top", "outside"),
    [("high", 1.0, 0.2, 0.0, 0.3, 0.0), ("original", 2.0, 1.02, 1.0, 1.03, 0.0)],
)
def test_the_phantom_has_the_grey_values_of_the_published_tables(contrast, skull, brain, left, top, outside):
    image = make_phantom(256, contrast)
    places = [(0.0, 0.9), (0.0, -0.7), (-0.25, 0.0), (0.0, 0.45), (-0.9, 0.9)]
    assert [at(image, *place) for place in places] == pytest.approx([skull, brain, left, top, outside])


def test_the_right_ventricle_is_the_smaller_one():
    image = make_phantom(256)
    # The line through the middle, from one inner wall of the skull to the other.
    left, right = image[128, 50:128], image[128, 128:206]
    assert 0 < np.count_nonzero(right < 0.01) < np.count_nonzero(left < 0.01)


def test_the_head_has_the_area_of_its_ellipse():
    image = make_phantom(512)
    rows = np.flatnonzero((image > 0.9).any(axis=1))
    columns = np.flatnonzero((image > 0.9).any(axis=0))
    assert (np.ptp(rows) + 1) / 512 == pytest.approx(0.92, abs=0.01)
    assert (np.ptp(columns) + 1) / 512 == pytest.approx(0.69, abs=0.01)


@pytest.mark.parametrize("coils", [1, 2, 8])
def test_all_coils_together_see_everything_alike(coils):
    maps = make_coil_maps(coils, 32)
    assert maps.shape == (coils, 32, 32)
    assert np.allclose(np.sum(np.abs(maps) ** 2, axis=0), 1)


def test_each_coil_sees_best_what_is_near():
    maps = np.abs(make_coil_maps(4, 64))
    brightest = [np.unravel_index(np.argmax(one), one.shape) for one in maps]
    right, top, left, bottom = brightest
    assert right[1] > 32 > left[1]
    assert top[0] < 32 < bottom[0]


def test_the_image_without_noise_is_the_phantom():
    kspace = make_kspace(64, 4, noise=0)
    assert (kspace.shape, kspace.dtype) == ((4, 64, 64), np.complex64)
    combined = np.sqrt(np.sum(np.abs(to_images(kspace)) ** 2, axis=0))
    assert np.allclose(combined, make_phantom(64), atol=1e-5)


def test_the_centre_of_kspace_is_in_the_middle():
    magnitude = np.abs(make_kspace(64, 1, noise=0))[0]
    assert np.unravel_index(np.argmax(magnitude), magnitude.shape) == (32, 32)


def test_the_noise_has_the_strength_that_was_asked_for():
    noise = make_kspace(64, 4, noise=0.1) - make_kspace(64, 4, noise=0)
    assert np.std(noise.real) == pytest.approx(0.1, rel=0.05)
    assert np.std(noise.imag) == pytest.approx(0.1, rel=0.05)


def test_the_same_seed_gives_the_same_noise():
    assert np.array_equal(make_kspace(16, 2, seed=3), make_kspace(16, 2, seed=3))
    assert not np.array_equal(make_kspace(16, 2, seed=3), make_kspace(16, 2, seed=4))


def test_a_scanner_receives_the_rows_of_the_same_kspace_one_after_the_other():
    lines = receive_lines(16, 2, seed=3)
    first = next(lines)
    assert (first.shape, first.dtype) == ((2, 16), np.complex64)
    assert np.array_equal(np.stack([first, *lines], axis=1), make_kspace(16, 2, seed=3))


@pytest.mark.parametrize("wrong", [{"size": 0}, {"coils": 0}, {"noise": -0.1}])
def test_a_number_out_of_its_range_is_refused(wrong):
    with pytest.raises(ValueError, match="give"):
        make_kspace(**{"size": 8, "coils": 1, "noise": 0.0} | wrong)
