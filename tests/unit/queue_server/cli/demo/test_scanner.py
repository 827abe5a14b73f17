"""What the demonstration with a scanner needs before it starts anything."""

from __future__ import annotations

import sys

import pytest

from queue_server.cli.demo.scanner import demonstrate_scanner
from queue_server.cli.demo.scanner_process import ScannerProcess
from queue_server.cli.failures import OperationFailedError


def test_a_missing_library_is_named_with_the_extra_that_has_it_and_nothing_is_started(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(OperationFailedError) as caught:
        demonstrate_scanner(tmp_path / "data", keep=False)
    assert "needs distributed, which is not installed: pip install 'cuelight[compute]'" in str(caught.value)
    assert not (tmp_path / "data").exists()


def test_a_scanner_that_ends_is_reported_with_its_last_words(tmp_path):
    # There are no credentials.
    with ScannerProcess.start("http://127.0.0.1:1", tmp_path / "none.json", tmp_path / "log") as scanner:
        scanner.process.wait(60)
        with pytest.raises(OperationFailedError, match=r"The simulated scanner has ended: .*none\.json"):
            scanner.check()
