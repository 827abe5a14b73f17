"""The wheel: every file of the packages and nothing else, so that an installed Cuelight is a whole one."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import PurePosixPath

import pytest


@pytest.fixture(scope="module")
def shipped(root, tmp_path_factory):
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    answer = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    [wheel] = directory.glob("cuelight-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_has_every_file_of_the_packages_and_nothing_else(shipped, packages, root):
    expected = {
        path.relative_to(root).as_posix()
        for package in packages
        for path in (root / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {name for name in shipped if ".dist-info/" not in name} == expected


def test_the_wheel_says_that_the_packages_are_typed(shipped, packages):
    assert {f"{package}/py.typed" for package in packages} <= shipped


def test_the_wheel_has_statements_migrations_and_the_licence(shipped):
    paths = {PurePosixPath(name) for name in shipped}
    assert any(path.match("queue_server/storage/statements/*.sql") for path in paths)
    assert any(path.match("queue_server/storage/migrations/*/*.sql") for path in paths)
    assert any(path.match("*.dist-info/licenses/LICENSE") for path in paths)
