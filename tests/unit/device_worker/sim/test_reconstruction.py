from __future__ import annotations

import numpy as np
import pytest

from device_worker.compute import InputArray
from device_worker.compute.errors import GraphError
from device_worker.sim.phantom import make_kspace, make_phantom
from device_worker.sim.reconstruction import reconstruct_image, simulate_scan
from queue_server.protocol.errors import ParameterError


@pytest.fixture
def acquire(tmp_path):
    def acquire(**settings):
        np.save(tmp_path / "kspace.npy", make_kspace(**{"size": 64, "coils": 4} | settings))
        return InputArray.open(tmp_path / "kspace.npy")

    return acquire


def test_without_noise_the_image_is_the_phantom(acquire):
    files = reconstruct_image(acquire(noise=0))
    assert files["image.npy"].dtype == np.float32
    assert np.allclose(files["image.npy"], make_phantom(64), atol=1e-4)
    assert files["metrics.json"]["error"] < 1e-4


@pytest.mark.parametrize("noise", [0.01, 0.05])
def test_the_noise_is_measured(acquire, noise):
    metrics = reconstruct_image(acquire(noise=noise))["metrics.json"]
    assert metrics["noise"] == pytest.approx(noise, rel=0.1)
    assert metrics["coils"] == 4
    assert metrics["snr"] == pytest.approx(np.mean(make_phantom(64)[make_phantom(64) > 0]) / noise, rel=0.15)


def test_more_noise_is_a_larger_error(acquire):
    errors = [reconstruct_image(acquire(noise=noise))["metrics.json"]["error"] for noise in (0.01, 0.03, 0.1)]
    assert errors == sorted(errors)


def test_the_picture_uses_all_grey_values(acquire):
    picture = reconstruct_image(acquire(), percentile=90)["image.png"]
    assert (picture.dtype, picture.shape, picture.max()) == (np.uint8, (64, 64), 255)
    assert picture.min() < 20
    assert np.mean(picture == 255) == pytest.approx(0.1, abs=0.02)


def test_the_graph_has_a_step_for_each_coil(acquire):
    kspace = acquire(coils=3)
    parameters = reconstruct_image.check_parameters({"keep_coils": True})
    composition = reconstruct_image.compose(parameters, {"kspace": kspace})
    assert [step.label for step in composition.steps] == [
        "coil_image[0]",
        "coil_image[1]",
        "coil_image[2]",
        "combine_coils",
        "make_picture",
        "measure_quality",
    ]
    assert [file.name for file in composition.files[:3]] == ["coils/0.npy", "coils/1.npy", "coils/2.npy"]


@pytest.mark.parametrize("shape", [(4, 8), (2, 8, 9)])
def test_kspace_of_another_shape_is_refused_before_anything_runs(tmp_path, shape):
    np.save(tmp_path / "kspace.npy", np.zeros(shape, np.complex64))
    handle = InputArray.open(tmp_path / "kspace.npy")
    with pytest.raises(GraphError, match=r"\(coils, size, size\) is needed"):
        reconstruct_image.compose(reconstruct_image.check_parameters({}), {"kspace": handle})


def test_a_simulated_scan_gives_the_kspace_of_the_phantom():
    files = simulate_scan(size=32, coils=3, noise=0.02, seed=5)
    assert np.array_equal(files["kspace.npy"], make_kspace(32, 3, 0.02, 5))
    with pytest.raises(ParameterError, match="'size'"):
        simulate_scan.check_parameters({"size": 4096})
