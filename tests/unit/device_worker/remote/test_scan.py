from __future__ import annotations

import hashlib

import pytest

from device_worker.remote.scan import Scan, read_piece

START = {
    "id": "item-1",
    "access_token": "right",
    "name": "localizer",
    "sequence": {"name": "gre", "seq_file": "…"},
    "acquisition_limits": None,
    "device_parameter": {"b0": 3},
    "mrd_header": "<header/>",
}


@pytest.fixture
def changes():
    return []


@pytest.fixture
def scan(changes):
    return Scan(START, lambda: changes.append("changed"))


def test_what_is_asked_for_is_read_by_name(scan):
    assert (scan.id, scan.name, scan.sequence["name"]) == ("item-1", "localizer", "gre")
    assert (scan.device_parameter, scan.limits, scan.acquisition_parameter) == ({"b0": 3}, {}, {})
    assert scan.header == "<header/>"


@pytest.mark.parametrize("percent", [-1, 100.5, float("nan")])
def test_progress_is_a_percentage(scan, percent, changes):
    with pytest.raises(ValueError, match="from 0 to 100"):
        scan.progress(percent)
    assert changes == []


async def test_a_file_is_measured_before_it_is_sent(scan, tmp_path, changes):
    content = b"k-space" * 500_000
    (tmp_path / "raw.mrd").write_bytes(content)
    await scan.upload("raw.mrd", tmp_path / "raw.mrd")
    await scan.upload("image.png", b"")
    raw, image = scan.files
    assert (raw.size_bytes, raw.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert (raw.content_type, image.content_type) == ("application/octet-stream", "image/png")
    assert len(changes) == 2


@pytest.mark.parametrize("name", ["", "a.npy"])
async def test_a_name_is_used_once(scan, name):
    await scan.upload("a.npy", b"1")
    with pytest.raises(ValueError, match="no other one has"):
        await scan.upload(name, b"2")
    assert len(scan.files) == 1


async def test_a_file_that_cannot_be_read_is_refused_at_once(scan, tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        await scan.upload("a.npy", tmp_path / "nowhere")
    assert scan.files == []


async def test_files_are_confirmed_in_their_order(scan):
    await scan.upload("a.npy", b"1")
    await scan.upload("b.npy", b"2")
    scan.confirm()
    assert [file.is_confirmed for file in scan.files] == [True, False]
    scan.confirm()
    scan.confirm()
    assert all(file.is_confirmed for file in scan.files)


def test_a_scan_that_has_not_failed_is_complete(scan):
    scan.end()
    assert (scan.percent, scan.error, scan.has_ended) == (100, None, True)


def test_a_scan_that_has_failed_stays_where_it_was(scan):
    scan.progress(40)
    scan.end("no signal")
    assert (scan.percent, scan.error, scan.has_ended) == (40, "no signal", True)


def test_pieces_follow_each_other_to_the_end(tmp_path):
    content = b"k-space" * 400_000
    (tmp_path / "raw.mrd").write_bytes(content)
    for source in (content, tmp_path / "raw.mrd"):
        found = b""
        while piece := read_piece(source, len(found)):
            found += piece
        assert found == content
