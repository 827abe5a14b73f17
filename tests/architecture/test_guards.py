"""The guards of tests/conftest.py and of pyproject.toml catch what they are there for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

CASES = {
    "unit/test_tasks.py": """
        import asyncio
        from contextlib import asynccontextmanager
        import pytest
        from hypothesis import given, strategies

        @pytest.fixture
        async def ended():
            task = asyncio.ensure_future(asyncio.Event().wait())
            yield
            task.cancel()
            await asyncio.wait([task])

        async def test_passes_with_a_task_that_its_fixture_ends(ended):
            with pytest.raises(RuntimeError, match="Non-thread-safe"):
                await asyncio.to_thread(asyncio.get_running_loop().call_soon, print)

        async def test_errs_with_a_task_left():
            test_errs_with_a_task_left.task = asyncio.ensure_future(asyncio.Event().wait())

        @given(strategies.booleans())
        async def test_errs_with_a_task_left_by_an_example(flag):
            test_errs_with_a_task_left.task = asyncio.ensure_future(asyncio.Event().wait())

        def test_passes_without_a_loop():
            pass
    """,
    "unit/test_skips.py": """
        import pytest

        def test_passes_as_skip_with_a_listed_reason():
            pytest.skip("listed")

        def test_fails_as_skip_with_another_reason():
            pytest.skip("not listed")

        @pytest.mark.xfail
        def test_passes_as_an_expected_failure():
            raise AssertionError

        @pytest.mark.xfail
        def test_fails_when_it_should_not_have_passed():
            pass
    """,
    "unit/test_module_skip.py": """
        import pytest
        pytest.skip("a whole file", allow_module_level=True)
    """,
    "unit/test_warnings.py": """
        import threading
        import warnings
        import foreign
        from queue_server import talkative

        def test_fails_by_a_warning_of_ours():
            talkative.warn()

        def test_fails_by_our_use_of_something_deprecated():
            talkative.call(foreign.deprecated)

        def test_passes_with_a_warning_of_others():
            foreign.warn()

        def test_fails_by_a_thread_that_dies():
            thread = threading.Thread(target=lambda: 1 / 0)
            thread.start()
            thread.join()
    """,
    "unit/test_limits.py": """
        import pytest

        def limit(request):
            return request.node.get_closest_marker("timeout").args[0]

        def test_passes_with_the_short_limit(request):
            assert limit(request) == 120

        @pytest.mark.timeout(3)
        def test_passes_with_a_limit_of_its_own(request):
            assert limit(request) == 3
    """,
    "faults/test_long_limit.py": """
        def test_passes_with_the_long_limit(request):
            assert request.node.get_closest_marker("timeout").args[0] == 300
    """,
}
# What the conftest of all tests imports.
NEEDED = ("faults/catalog.py", "faults/report.py", "faults/tiers.py", "processes/figures.py")
WARNERS = """
import warnings

def warn():
    warnings.warn("mind", UserWarning)

def call(function):
    function()

def deprecated():
    warnings.warn("old", DeprecationWarning, stacklevel=2)
"""


@pytest.fixture(scope="module")
def outcomes(root, tmp_path_factory):
    """The outcome line of every case, from one run of pytest as continuous integration would start it."""
    checkout = tmp_path_factory.mktemp("checkout")
    tests = checkout / "tests"
    for name, text in CASES.items():
        path = tests / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(line[8:] for line in text.splitlines()), encoding="utf-8")
    shutil.copy(root / "tests" / "conftest.py", tests)
    for name in NEEDED:
        (tests / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / "tests" / name, tests / name)
    shutil.copy(root / "pyproject.toml", checkout)
    (tests / "allowed_skips.txt").write_text("# a comment\nlisted\n", encoding="utf-8")
    for module in ("queue_server/talkative.py", "foreign.py"):
        (checkout / module).parent.mkdir(exist_ok=True)
        (checkout / module).write_text(WARNERS, encoding="utf-8")
    (checkout / "queue_server" / "__init__.py").touch()
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rA",
        "-p",
        "no:cacheprovider",
        "--continue-on-collection-errors",
    ]
    environment = os.environ | {"CI": "true", "PYTHONDONTWRITEBYTECODE": "1"}
    answer = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    summary = answer.stdout.partition("short test summary info")[2].splitlines()
    assert summary, answer.stdout + answer.stderr
    return summary


def _cases(outcomes, words):
    found = [line.split("::")[1].split(" ")[0] for line in outcomes if line.startswith(words) and "::" in line]
    return {name for name in found if name.startswith("test_")}


def test_a_task_left_pending_is_an_error(outcomes):
    expected = {"test_errs_with_a_task_left", "test_errs_with_a_task_left_by_an_example"}
    assert _cases(outcomes, "ERROR") == expected


def test_only_what_breaks_a_rule_fails(outcomes):
    assert _cases(outcomes, "FAILED") == {
        "test_fails_as_skip_with_another_reason",
        "test_fails_when_it_should_not_have_passed",
        "test_fails_by_a_warning_of_ours",
        "test_fails_by_our_use_of_something_deprecated",
        "test_fails_by_a_thread_that_dies",
    }


def test_a_file_that_skips_itself_is_an_error(outcomes):
    assert any(line.startswith("ERROR") and "test_module_skip.py" in line for line in outcomes)


def test_what_keeps_the_rules_passes(outcomes):
    assert _cases(outcomes, "PASSED") >= {
        "test_passes_with_a_task_that_its_fixture_ends",
        "test_passes_without_a_loop",
        "test_passes_with_a_warning_of_others",
        "test_passes_with_the_short_limit",
        "test_passes_with_a_limit_of_its_own",
        "test_passes_with_the_long_limit",
    }
