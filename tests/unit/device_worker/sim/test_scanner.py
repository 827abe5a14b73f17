from __future__ import annotations

import io
import json

import numpy as np
import pytest

from device_worker.remote import Scan
from device_worker.sim.phantom import make_kspace
from device_worker.sim.scanner import KSPACE, acquire, main

SMALL = {"size": 16, "coils": 2, "noise": 0.1, "seed": 3, "repetition_s": 0}
WHOLE = {
    "fov_scaling": {"x": 1.0, "y": 1.0, "z": 1.0},
    "fov_offset": {"x": 0.0, "y": 0.0, "z": 0.0},
    "fov_rotation": {"x": 0.0, "y": 0.0, "z": 0.0},
}


@pytest.fixture
def told():
    """How far the scan was whenever it had news."""
    return []


@pytest.fixture
def ask(told):
    """Return a scan of a sequence."""

    def ask(sequence=SMALL, **field_of_view):
        text = sequence if isinstance(sequence, str) else json.dumps(sequence)
        start = {
            "id": "item-1",
            "access_token": "right",
            "sequence": {"seq_file": text},
            "acquisition_parameter": WHOLE | field_of_view,
        }
        scan = Scan(start, lambda: told.append((scan.percent, len(scan.files))))
        return scan

    return ask


async def test_a_scan_hands_over_the_kspace_of_the_phantom(ask):
    scan = ask()
    await acquire(scan)
    [file] = scan.files
    assert file.name == KSPACE
    kspace = np.load(io.BytesIO(file.source))
    assert kspace.dtype == np.complex64
    assert np.array_equal(kspace, make_kspace(16, 2, 0.1, 3))


async def test_it_tells_how_far_it_is_with_every_line_and_has_no_file_before_the_last(ask, told):
    await acquire(ask())
    assert told == [*((100 * line // 16, 0) for line in range(1, 17)), (100, 1)]


async def test_what_a_sequence_leaves_out_is_as_the_scanner_has_it(ask):
    scan = ask({"size": 8, "repetition_s": 0})
    await acquire(scan)
    assert np.load(io.BytesIO(scan.files[0].source)).shape == (8, 8, 8)


@pytest.mark.parametrize(
    ("sequence", "said"),
    [
        ("spin echo", "seq_file: Invalid JSON"),
        ("[]", "seq_file: "),
        ({"size": 4}, "size: Input should be greater than or equal to 8"),
        ({"coils": 2.5}, "coils: Input should be a valid integer"),
        ({"echoes": 3}, "echoes: Extra inputs are not permitted"),
    ],
)
async def test_a_sequence_that_it_cannot_play_fails_the_scan_and_says_what_it_can(ask, sequence, said):
    scan = ask(sequence)
    with pytest.raises(ValueError, match="the sequence cannot be played") as caught:
        await acquire(scan)
    assert said in str(caught.value)
    assert 'This scanner plays {"size": 128, "coils": 8' in str(caught.value)
    assert scan.files == []


async def test_a_scan_without_a_sequence_fails():
    scan = Scan({"id": "item-1", "access_token": "right"}, lambda: None)
    with pytest.raises(ValueError, match="no sequence"):
        await acquire(scan)


async def test_a_part_of_the_head_fails_the_scan(ask):
    with pytest.raises(ValueError, match=r"fov_offset is .*sees the whole head only: 0 each"):
        await acquire(ask(fov_offset={"x": 0.0, "y": 12.0, "z": 0.0}))


def test_credentials_that_others_can_read_are_not_used(tmp_path, capsys):
    path = tmp_path / "device_credentials.json"
    path.write_text('{"device_token": "secret", "device_id": "1"}')
    path.chmod(0o644)
    with pytest.raises(SystemExit):
        main(["ws://127.0.0.1:1/api/v1/device/ws", str(path)])
    said = capsys.readouterr().err
    assert f"chmod 600 {path}" in said
    assert "secret" not in said
