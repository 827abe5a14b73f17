"""What the demonstration with a scanner makes of the files of a graph."""

from __future__ import annotations

import json

import pytest

from queue_server.cli.demo.reconstruction import read_reconstruction
from queue_server.cli.failures import OperationFailedError

GOOD = [*((f"coil_image[{index}]", 100 + index % 2) for index in range(4)), ("combine_coils", 100), ("measure", 101)]


@pytest.fixture
def leave(tmp_path):
    """Leave the files of an attempt, and read what is there."""

    def leave(calls=GOOD, error=0.02, attempt=1):
        directory = tmp_path / "graphs" / "compute" / f"item-1.{attempt}"
        directory.mkdir(parents=True)
        nodes = [{"node": node, "process": process, "host": "here", "duration_s": 0.1} for node, process in calls]
        (directory / "manifest.json").write_text(json.dumps({"nodes": nodes}))
        (directory / "metrics.json").write_text(json.dumps({"error": error}))
        for name in ("image.npy", "image.png"):
            (directory / name).touch()
        return read_reconstruction(tmp_path, "compute", "item-1")

    return leave


def test_calls_are_counted_by_process_and_node(leave):
    result = leave()
    assert result.processes == {
        "100 on here": {"coil_image": 2, "combine_coils": 1},
        "101 on here": {"coil_image": 2, "measure": 1},
    }
    assert (len(result.nodes), result.width) == (6, 4)
    result.check(coils=4)


def test_the_last_attempt_counts(leave):
    leave(attempt=9)
    assert leave(attempt=10).directory.name == "item-1.10"


@pytest.mark.parametrize(
    ("calls", "error", "said"),
    [
        (GOOD[:2], 0.02, "there are 2 node calls"),
        (GOOD[1:], 0.02, "3 calls are side by side, and there are 4 coils"),
        ([(node, 100) for node, _ in GOOD], 0.02, "1 process has done everything"),
        (GOOD, 0.3, "deviates from the phantom by 0.300"),
    ],
)
def test_what_is_not_as_it_should_be_fails_the_demonstration(leave, calls, error, said):
    with pytest.raises(OperationFailedError) as caught:
        leave(calls, error).check(coils=4)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["manifest.json", "metrics.json", "image.npy", "image.png"])
def test_a_missing_file_is_named(leave, tmp_path, name):
    result = leave()
    (result.directory / name).unlink()
    with pytest.raises(OperationFailedError, match=name):
        read_reconstruction(tmp_path, "compute", "item-1")


def test_an_item_that_has_left_nothing_is_named(tmp_path):
    with pytest.raises(OperationFailedError, match="no files of the item item-2"):
        read_reconstruction(tmp_path, "compute", "item-2")
