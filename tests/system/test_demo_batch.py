"""The demonstration with a batch as a person runs it: one workflow, 200 sets of parameters, the best one's files."""

from __future__ import annotations

import tarfile

import pytest

from tests.processes.waiting import processes_of

# A system with a gateway and 200 scans, on a machine that is busy with other things.
pytestmark = pytest.mark.timeout(400)

WORKFLOW = "config/workflows/rocking-curve.yaml"
PATIENCE_S = 300


@pytest.mark.night
def test_all_scans_are_done_and_ranked_and_the_files_of_the_best_are_there(demonstrate, tmp_path):
    process = demonstrate("--batch", WORKFLOW)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, (out, err)
    ranked = [line.split() for line in out.partition("RANK")[2].splitlines()[1:11]]
    assert [row[0] for row in ranked] == [str(rank) for rank in range(1, 11)]
    widths = [float(row[4]) for row in ranked]
    assert widths == sorted(widths)
    with tarfile.open(tmp_path / "data" / "best.tar.gz") as archive:
        assert {name.rpartition("/")[2] for name in archive.getnames()} >= {"curve.csv", "metrics.json"}
    assert processes_of(str(tmp_path)) == {}


def test_a_file_that_cannot_be_read_starts_nothing(demonstrate, tmp_path):
    process = demonstrate("--batch", str(tmp_path / "missing.yaml"))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "missing.yaml" in err
    assert not (tmp_path / "data").exists()
