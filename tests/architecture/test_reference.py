"""The generated pages of docs/reference are those that the generator writes now."""

from __future__ import annotations

import subprocess
import sys


def test_the_reference_pages_are_fresh(root, tmp_path):
    for generator in ("queue_server.reference", "http_gateway.openapi"):
        command = [sys.executable, "-m", generator, "--write", str(tmp_path)]
        answer = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
    written, committed = _pages(tmp_path), _pages(root / "docs" / "reference")
    assert written
    assert sorted(committed) == sorted(written), "run `make regen` and commit docs/reference"
    stale = [name for name, text in written.items() if committed[name] != text]
    assert stale == [], "run `make regen` and commit docs/reference"


def _pages(directory):
    return {
        str(path.relative_to(directory)): path.read_text(encoding="utf-8")
        for path in directory.rglob("*")
        if path.is_file()
    }
