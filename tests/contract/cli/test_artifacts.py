"""The verbs on artifacts: sizes in words, rules that stay until they are changed."""

from __future__ import annotations

import pytest

from queue_server.cli.artifacts import read_size, show_size
from queue_server.cli.main import run
from queue_server.clock import Chance, SystemClock
from queue_server.protocol.errors import ParameterError
from queue_server.storage.sqlite import open_sqlite


@pytest.fixture
async def data(tmp_path):
    """A data directory without artifacts."""
    store = open_sqlite(tmp_path / "data", clock=SystemClock(), chance=Chance())
    await store.close()
    return str(tmp_path / "data")


@pytest.mark.parametrize(
    ("text", "size_bytes"), [("0", 0), ("5B", 5), ("1.5kB", 1500), ("2 MB", 2 * 10**6), ("1TB", 10**12), ("none", None)]
)
def test_a_quota_is_a_number_with_a_unit(text, size_bytes):
    assert read_size(text) == size_bytes


@pytest.mark.parametrize("text", ["", "much", "-1GB", "5 GiB", "1e3"])
def test_what_is_no_size_is_refused_with_the_units(text):
    with pytest.raises(ParameterError, match="kB, MB, GB, TB") as caught:
        read_size(text)
    assert caught.value.field == "--quota"


@pytest.mark.parametrize(("size_bytes", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (5 * 10**12, "5 TB")])
def test_sizes_are_shown_with_three_digits(size_bytes, text):
    assert show_size(size_bytes) == text


def test_rules_stay_until_they_are_changed(data, capsys):
    assert run(["artifacts", "limit", "--data", data, "--quota", "500GB", "--keep-days", "30"]) == 0
    assert run(["artifacts", "limit", "--data", data, "--quota", "none"]) == 0
    capsys.readouterr()
    assert run(["artifacts", "usage", "--data", data]) == 0
    shown = capsys.readouterr().out
    assert "0 files, 0 B" in shown
    assert "30 days" in shown
    assert "500" not in shown
    assert run(["artifacts", "sweep", "--data", data]) == 0
    assert "Removed: 0 files" in "".join(capsys.readouterr())


def test_a_limit_of_nothing_is_refused(data, capsys):
    assert run(["artifacts", "limit", "--data", data]) != 0
    assert "--keep-days" in capsys.readouterr().err
