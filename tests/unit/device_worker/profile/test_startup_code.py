from __future__ import annotations

from pathlib import Path

import pytest

from device_worker.profile.startup_code import GET_IPYTHON, compile_startup_code


def _names(source):
    """Return the names that the compiled code imports, and those that it takes from the namespace."""
    code = compile_startup_code(source, Path("00.py"))
    return {name for name in code.co_names if name != "IPython"}


@pytest.mark.parametrize(
    "source",
    [
        "from IPython import get_ipython",
        "from IPython.core.getipython import get_ipython as shell",
        "from IPython import get_ipython, version_info",
        "try:\n    from IPython import get_ipython\nexcept ImportError:\n    pass",
    ],
)
def test_the_shell_comes_from_the_namespace_and_everything_else_from_the_package(source):
    names = _names(source)
    assert GET_IPYTHON in names
    assert ("version_info" in names) is ("version_info" in source)


@pytest.mark.parametrize(
    "source",
    [
        "from IPython import version_info",
        "from IPythonic import get_ipython",
        "from package import get_ipython",
        "import IPython",
    ],
)
def test_other_imports_are_left_alone(source):
    assert GET_IPYTHON not in _names(source)


def test_line_numbers_of_the_source_are_kept():
    code = compile_startup_code("from IPython import (\n    get_ipython,\n)\nx = 1\n", Path("00.py"))
    assert {line for *_, line in code.co_lines()} >= {1, 4}
    assert code.co_filename == "00.py"
