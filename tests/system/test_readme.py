"""The lines of README.md, run as they stand there, on ports of their own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes.waiting import processes_of

ROOT = Path(__file__).parents[2]
# The command by its usual name, wherever it is installed.
PRELUDE = f'set -e\ncuelight() {{ {sys.executable} -m queue_server.cli "$@"; }}\n'
PLACE_OF_A_FILE = re.compile(r"^# (\S+\.py)$", flags=re.MULTILINE)


def blocks_of(section):
    """Return the code blocks of a section: language and text."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"```(\w+)\n(.*?)```", text, flags=re.DOTALL)


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def shell(tmp_path):
    """Run lines of shell in an empty directory; at the end nothing of what they have started may run."""
    names = [name for name in os.environ if not name.startswith(("CUELIGHT_", "QSERVER_"))]
    environ = {name: os.environ[name] for name in names} | {
        "CUELIGHT_DATA": str(tmp_path / "data"),
        "CUELIGHT_CONTROL": free_address(),
        "CUELIGHT_INFO": free_address(),
        "CUELIGHT_DOCUMENTS": free_address(),
        "CUELIGHT_HTTP": "off",
        "CUELIGHT_SPARE_MANAGER": "false",
        "PYTHONPATH": str(ROOT),
    }

    def run(lines, program="bash"):
        command = [sys.executable, "-c", lines] if program == "python" else ["bash", "-c", PRELUDE + lines]
        with (tmp_path / "output").open("w+") as output:
            done = subprocess.run(
                command, cwd=tmp_path, env=environ, stdout=output, stderr=output, timeout=180, check=False
            )
            output.seek(0)
            shown = output.read()
        assert done.returncode == 0, shown
        return shown

    yield run
    run("cuelight down --workers")
    assert processes_of(str(tmp_path)) == {}


def test_the_python_lines_on_connecting_work(shell):
    (language, lines), _ = blocks_of("Connect")
    assert language == "python"
    shell("cuelight up &\ncuelight status --timeout 30")
    shell(lines, "python")
    shown = shell("until cuelight history | grep completed; do :; done")
    assert "count([det1], num=5)" in shown


@pytest.mark.night
def test_the_shell_lines_on_connecting_work(shell):
    _, (language, lines) = blocks_of("Connect")
    assert language == "sh"
    assert "cuelight pause" in lines
    # Nothing runs any more when the queue has been waited for, so there is nothing to pause.
    lines = "\n".join(line for line in lines.splitlines() if "pause" not in line)
    shown = shell(f"cuelight up &\ncuelight status --timeout 30\n{lines}")
    assert shown.count("scan([det1], motor1, -1, 1, 11)  completed") == 2


@pytest.mark.night
def test_the_lines_on_ones_own_beamline_work(shell, tmp_path):
    (language, python), (_, lines) = blocks_of("Load your own beamline")
    assert language == "python"
    startup = tmp_path / PLACE_OF_A_FILE.findall(python)[0]
    startup.parent.mkdir()
    startup.write_text(python)
    shown = shell(lines)
    assert "scan([diode], stage_x, -1, 1, 21)" in shown
    assert "completed" in shown


def test_every_link_leads_somewhere():
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
