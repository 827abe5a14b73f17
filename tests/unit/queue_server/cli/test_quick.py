import subprocess
import sys

import pytest

from queue_server.cli.quick import read_options


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ([], {}),
        (["--json"], {"json": True}),
        (["--timeout", "2.5", "--control", "tcp://x:1"], {"timeout_s": 2.5, "control": "tcp://x:1"}),
        (["--field=re_state", "--info=tcp://x:2"], {"field": "re_state", "info": "tcp://x:2"}),
    ],
)
def test_common_options_are_read(words, values):
    assert read_options(words) == values


@pytest.mark.parametrize(
    "words", [["--help"], ["x"], ["--jsn"], ["--json=1"], ["--timeout"], ["--timeout", "soon"], ["--timeout=", "1"]]
)
def test_anything_else_is_left_to_the_whole_command(words):
    assert read_options(words) is None


def test_a_status_loads_neither_typer_nor_pydantic_nor_rich():
    code = (
        "import sys; from queue_server.cli.main import run; "
        "code = run(['status', '--timeout', '0.01', '--control', 'ipc:///nonexistent/socket']); "
        "heavy = [name for name in ('typer', 'pydantic', 'rich', 'asyncio', 'yaml') if name in sys.modules]; "
        "sys.exit(f'{code} {heavy}')"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.stderr.splitlines()[-1] == "3 []"
